//! How Rust names become wire names and names of generated items.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Ident, LitStr};

/// `get_price` as `GetPrice`.
pub(crate) fn upper_camel(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    name.split('_').map(capitalised).collect()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The name on the wire: the one `given`, or `default` as derived from `ident`.
///
/// # Errors
/// It has characters that a path on the wire cannot have.
pub(crate) fn wire_name(given: Option<&LitStr>, ident: &Ident, default: String) -> syn::Result<String> {
    let Some(given) = given else {
        return if is_wire_name(&default) {
            Ok(default)
        } else {
            let message = format!(
                "`{default}` cannot be a name on the wire, {ALLOWED}: rename it, or set `name = \"..\"`"
            );
            Err(syn::Error::new(ident.span(), message))
        };
    };
    let name = given.value();
    if is_wire_name(&name) {
        Ok(name)
    } else {
        Err(syn::Error::new(given.span(), format!("{name:?} cannot be a name on the wire, {ALLOWED}")))
    }
}

fn is_wire_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}

/// The generated item `<ident><suffix>`.
pub(crate) fn item(ident: &Ident, suffix: &str) -> Ident {
    generated(&format_ident!("{}{suffix}", ident.unraw(), span = ident.span()))
}

/// `ident` as the name of something generated: found where the user wrote it, but excused from lints about what users
/// write, such as dead code.
pub(crate) fn generated(ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(excused(ident.span()));
    ident
}

/// `tokens` as those of something generated.
pub(crate) fn generated_all(tokens: TokenStream) -> TokenStream {
    respanned(tokens, &excused)
}

/// `tokens` as something generated on behalf of `place`, where the compiler then shows what is wrong with it.
pub(crate) fn generated_for(place: &TokenStream, tokens: TokenStream) -> TokenStream {
    let place = place.clone().into_iter().next().map_or_else(Span::call_site, |token| excused(token.span()));
    respanned(tokens, &|_| place)
}

fn respanned(tokens: TokenStream, respan: &dyn Fn(Span) -> Span) -> TokenStream {
    let change = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), respanned(group.stream(), respan)).into();
        }
        token.set_span(respan(token.span()));
        token
    };
    tokens.into_iter().map(change).collect()
}

fn excused(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

const ALLOWED: &str = "which is made of `A-Z`, `a-z`, `0-9`, `_` and `.`";

#[cfg(test)]
mod tests {
    use super::*;

    fn camel(name: &str) -> String {
        upper_camel(&syn::parse_str(name).unwrap())
    }

    #[test]
    fn method_names_become_upper_camel_case() {
        assert_eq!(camel("mul"), "Mul");
        assert_eq!(camel("get_u64"), "GetU64");
        assert_eq!(camel("v2_get"), "V2Get");
        assert_eq!(camel("_get__price_"), "GetPrice");
        assert_eq!(camel("r#type"), "Type");
        assert_eq!(camel("alreadyCamel"), "AlreadyCamel");
    }

    #[test]
    fn wire_names_are_ascii_words_with_dots() {
        for name in ["Mul", "shop.v1.Cart", "get_price", "9"] {
            assert!(is_wire_name(name), "{name}");
        }
        for name in ["", "a/b", "a b", "größe", "a-b"] {
            assert!(!is_wire_name(name), "{name}");
        }
    }

    #[test]
    fn a_given_name_wins_over_the_default() {
        let ident: Ident = syn::parse_str("größe").unwrap();
        let given: LitStr = syn::parse_str("\"Size\"").unwrap();
        assert_eq!(wire_name(Some(&given), &ident, upper_camel(&ident)).unwrap(), "Size");
        let error = wire_name(None, &ident, upper_camel(&ident)).unwrap_err();
        assert!(error.to_string().contains("set `name = \"..\"`"), "{error}");
    }
}
