//! What holds for every signature whose values travel.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, FnArg, Ident, ItemTrait, Pat, PatType, Safety, Signature, Type};

use crate::errors::Errors;
use crate::payload::Parameter;

/// Finds fault with what a trait of plain methods cannot have; `attribute` is on it.
pub(crate) fn check_trait(item: &ItemTrait, attribute: &str, errors: &mut Errors) {
    if let Some(token) = &item.unsafety {
        errors.at(token, format!("a trait under {attribute} is safe: remove `unsafe`"));
    }
    if let Some(token) = &item.modifiers.auto_token {
        errors.at(token, format!("a trait under {attribute} is a plain trait: remove `auto`"));
    }
    let generics = &item.generics;
    if !generics.params.is_empty() {
        let message = format!(
            "a trait under {attribute} has one shape on the wire: remove the generics, write concrete types"
        );
        errors.at(generics, message);
    }
    if let Some(clause) = &generics.where_clause {
        errors.at(
            clause,
            format!("a trait under {attribute} has no `where` clause: write supertraits instead"),
        );
    }
}

/// Finds fault with what no plain `fn` has.
pub(crate) fn check_plain(signature: &Signature, errors: &mut Errors) {
    if let Some(token) = &signature.constness {
        errors.at(token, "remove `const`: what is called over the wire is a plain function");
    }
    if let Safety::Unsafe(_) | Safety::Safe(_) = &signature.safety {
        errors.at(&signature.safety, "remove this: what is called over the wire is a plain function");
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "remove `extern`: what is called over the wire is a plain function");
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, "arguments are counted on the wire: pass a `Vec` instead");
    }
    let generics = &signature.generics;
    if !generics.params.is_empty() {
        errors.at(generics, "what crosses the wire has one type: remove the generics, write concrete types");
    }
    if let Some(clause) = &generics.where_clause {
        errors.at(
            clause,
            "what crosses the wire has one type: remove the `where` clause, write concrete types",
        );
    }
}

/// The argument `name: Type`, owned.
pub(crate) fn parameter(argument: &PatType, errors: &mut Errors) -> Option<Parameter> {
    if let Some(attribute) = argument.attrs.first() {
        errors.at(attribute, "attributes and docs do not belong on an argument: write them on the method");
    }
    check_owned(&argument.ty, errors);
    let name = plain_name(&argument.pat);
    if name.is_none() {
        errors.at(
            &argument.pat,
            "an argument has a plain name here, which is its name on the wire: write `name: Type`",
        );
    }
    Some(Parameter { name: name?.clone(), ty: (*argument.ty).clone() })
}

fn plain_name(pattern: &Pat) -> Option<&Ident> {
    let Pat::Ident(pattern) = pattern else { return None };
    let plain = pattern.by_ref.is_none() && pattern.mutability.is_none() && pattern.subpat.is_none();
    (plain && pattern.attrs.is_empty()).then_some(&pattern.ident)
}

/// Finds fault with a type that cannot cross the wire, as far as its tokens tell.
pub(crate) fn check_owned(ty: &Type, errors: &mut Errors) {
    if let Some((token, message)) = borrowed(ty.to_token_stream()) {
        errors.at(if matches!(ty, Type::Reference(_)) { quote!(#ty) } else { quote!(#token) }, message);
    }
}

fn borrowed(tokens: TokenStream) -> Option<(TokenTree, &'static str)> {
    const OWNED: &str = "what crosses the wire is owned: write an owned type, such as `String` for `&str` and \
                         `Vec<T>` for `&[T]`";
    tokens.into_iter().find_map(|token| match &token {
        TokenTree::Group(group) => borrowed(group.stream()),
        TokenTree::Punct(punct) if matches!(punct.as_char(), '&' | '\'') => Some((token, OWNED)),
        TokenTree::Ident(ident) if ident == "Self" => Some((
            token,
            "what crosses the wire has one type for every implementation: write it instead of `Self`",
        )),
        TokenTree::Ident(ident) if ident == "impl" => {
            Some((token, "what crosses the wire has one type: write a concrete one instead of `impl Trait`"))
        }
        _ => None,
    })
}

/// The arguments of a signature, without the receiver.
pub(crate) fn typed(signature: &Signature) -> impl Iterator<Item = &PatType> {
    signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    })
}

/// `attributes`, with `default` as docs if there are none among them.
pub(crate) fn documented(attributes: &[Attribute], default: &str) -> TokenStream {
    let has_docs = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
    let docs = (!has_docs).then(|| quote!(#[doc = #default]));
    quote!(#docs #(#attributes)*)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(ty: &str) -> Option<&'static str> {
        borrowed(syn::parse_str(ty).unwrap()).map(|(_, message)| message)
    }

    #[test]
    fn owned_types_cross_the_wire() {
        for ty in ["u8", "Vec<Option<(String, [u8; 4])>>", "std::collections::HashMap<String, ()>"] {
            assert_eq!(fault(ty), None, "{ty}");
        }
    }

    #[test]
    fn borrowed_and_unknown_types_do_not() {
        assert!(fault("&str").unwrap().contains("`String` for `&str`"));
        assert!(fault("Vec<Cow<'static, str>>").unwrap().contains("owned"));
        assert!(fault("Option<(u8, &[u8])>").unwrap().contains("owned"));
        assert!(fault("Vec<Self>").unwrap().contains("instead of `Self`"));
        assert!(fault("impl Clone").unwrap().contains("instead of `impl Trait`"));
    }
}
