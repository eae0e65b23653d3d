//! What stands in the parentheses of the attributes.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{LitStr, Path, parse_quote};

/// The options of an attribute on a trait.
pub(crate) struct Options {
    /// Where the framework is found.
    pub(crate) krate: Path,
    /// The name on the wire, if not the trait's.
    pub(crate) name: Option<LitStr>,
    /// The stack that pushes are encoded with, if not the standard one.
    pub(crate) stack: Option<Path>,
}

/// Which attribute the options are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    Notifications,
    Service,
}

impl Options {
    /// # Errors
    /// An option is unknown, given twice, or of the wrong form.
    pub(crate) fn parse(attribute: Attribute, tokens: TokenStream) -> syn::Result<Self> {
        let (mut krate, mut name, mut stack) = (None, None, None);
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("crate") {
                set(&mut krate, &meta, path)
            } else if meta.path.is_ident("name") {
                set(&mut name, &meta, text)
            } else if meta.path.is_ident("stack") && attribute == Attribute::Notifications {
                set(&mut stack, &meta, path)
            } else {
                Err(unknown(&meta, attribute.known()))
            }
        });
        parser.parse2(tokens)?;
        Ok(Self { krate: krate.unwrap_or_else(|| parse_quote!(::linkspan)), name, stack })
    }
}

impl Attribute {
    fn known(self) -> &'static str {
        match self {
            Self::Notifications => "`crate = path`, `name = \"..\"` and `stack = path`",
            Self::Service => "`crate = path` and `name = \"..\"`",
        }
    }
}

/// Sets an option by what `read` reads.
///
/// # Errors
/// It is already set, or of the wrong form.
pub(crate) fn set<T>(
    option: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    read: impl FnOnce(&ParseNestedMeta<'_>) -> syn::Result<T>,
) -> syn::Result<()> {
    if option.is_some() {
        return Err(meta.error(format!("`{}` is set twice", shown(&meta.path))));
    }
    *option = Some(read(meta)?);
    Ok(())
}

/// A text in quotes after `=`.
pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    let option = shown(&meta.path);
    let wrong = |error: syn::Error| syn::Error::new(error.span(), format!("write `{option} = \"..\"`"));
    meta.value().map_err(wrong)?.parse().map_err(wrong)
}

/// The error of an option that is not one of `known`.
pub(crate) fn unknown(meta: &ParseNestedMeta<'_>, known: &str) -> syn::Error {
    meta.error(format!("unknown option `{}`; there are {known}", shown(&meta.path)))
}

fn path(meta: &ParseNestedMeta<'_>) -> syn::Result<Path> {
    let option = shown(&meta.path);
    let wrong = |error: syn::Error| {
        syn::Error::new(error.span(), format!("write `{option} = some::path`, without quotes"))
    };
    meta.value().map_err(wrong)?.call(Path::parse_mod_style).map_err(wrong)
}

fn shown(path: &Path) -> String {
    path.to_token_stream().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn message(attribute: Attribute, tokens: TokenStream) -> String {
        Options::parse(attribute, tokens).err().unwrap().to_string()
    }

    #[test]
    fn no_options_mean_the_facade_and_the_name_of_the_trait() {
        let options = Options::parse(Attribute::Service, TokenStream::new()).unwrap();
        assert_eq!(shown(&options.krate), ":: linkspan");
        assert!(options.name.is_none());
    }

    #[test]
    fn all_options_are_read() {
        let tokens = quote!(crate = crate::wired, name = "T.v1", stack = my::Stack,);
        let options = Options::parse(Attribute::Notifications, tokens).unwrap();
        assert_eq!(shown(&options.krate), "crate :: wired");
        assert_eq!(options.name.unwrap().value(), "T.v1");
        assert_eq!(shown(&options.stack.unwrap()), "my :: Stack");
    }

    #[test]
    fn a_wrong_option_says_what_to_write() {
        let service = |tokens| message(Attribute::Service, tokens);
        assert!(service(quote!(stack = a)).starts_with("unknown option `stack`; there are `crate = path`"));
        assert_eq!(service(quote!(name = "A", name = "B")), "`name` is set twice");
        assert_eq!(service(quote!(name = A)), "write `name = \"..\"`");
        assert_eq!(service(quote!(crate = "a")), "write `crate = some::path`, without quotes");
        assert_eq!(service(quote!(crate)), "write `crate = some::path`, without quotes");
    }
}
