//! `#[call(..)]` on a method.

use syn::{Attribute, LitStr};

use super::{Cancel, Run};
use crate::options::{set, text, unknown};

/// How a method is called, as far as its author says.
#[derive(Default)]
pub(super) struct CallOptions {
    pub(super) name: Option<LitStr>,
    pub(super) one_way: bool,
    pub(super) cancel: Option<Cancel>,
    pub(super) run: Option<Run>,
}

impl CallOptions {
    /// # Errors
    /// An option is unknown, given twice, of the wrong form, or contradicts another.
    pub(super) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let (mut name, mut one_way, mut cancel, mut run) = (None, None, None, None);
        for attribute in attributes.iter().filter(|attribute| is_call(attribute)) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    set(&mut name, &meta, text)
                } else if meta.path.is_ident("one_way") {
                    set(&mut one_way, &meta, |_| Ok(()))
                } else if meta.path.is_ident("cancel") {
                    set(&mut cancel, &meta, |meta| policy(&text(meta)?))
                } else if meta.path.is_ident("run") {
                    set(&mut run, &meta, |meta| place(&text(meta)?))
                } else {
                    Err(unknown(&meta, KNOWN))
                }
            })?;
            if one_way.is_some() && cancel.is_some() {
                let message = "a one-way method is never cancelled: remove `cancel`";
                return Err(syn::Error::new_spanned(attribute, message));
            }
        }
        Ok(Self { name, one_way: one_way.is_some(), cancel, run })
    }
}

pub(super) fn is_call(attribute: &Attribute) -> bool {
    attribute.path().is_ident("call")
}

fn policy(text: &LitStr) -> syn::Result<Cancel> {
    match text.value().as_str() {
        "drop" => Ok(Cancel::Drop),
        "never" => Ok(Cancel::Never),
        "token" => Ok(Cancel::Token),
        other => {
            let message = format!(
                "unknown policy `{other}`; `drop` drops the handler, `token` only signals it, `never` lets it finish"
            );
            Err(syn::Error::new(text.span(), message))
        }
    }
}

fn place(text: &LitStr) -> syn::Result<Run> {
    match text.value().as_str() {
        "in_place" => Ok(Run::InPlace),
        "spawn" => Ok(Run::Spawn),
        "blocking" => Ok(Run::Blocking),
        other => {
            let message = format!(
                "unknown place `{other}`; `in_place` runs the handler with its connection until it waits, `spawn` as a \
                 task of its own, `blocking` on a thread where it may block"
            );
            Err(syn::Error::new(text.span(), message))
        }
    }
}

/// What an unknown option is answered.
const KNOWN: &str = "`name = \"..\"`, `one_way`, `cancel = \"drop\" | \"token\" | \"never\"` and \
                     `run = \"in_place\" | \"spawn\" | \"blocking\"`";

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn message(attribute: Attribute) -> String {
        CallOptions::parse(&[attribute]).err().unwrap().to_string()
    }

    #[test]
    fn options_may_stand_in_one_attribute_or_in_several() {
        let attributes =
            [parse_quote!(#[call(name = "Pay")]), parse_quote!(#[call(cancel = "never", run = "spawn")])];
        let options = CallOptions::parse(&attributes).unwrap();
        assert_eq!(options.run, Some(Run::Spawn));
        assert_eq!((options.name.unwrap().value().as_str(), options.cancel), ("Pay", Some(Cancel::Never)));
        assert!(!options.one_way);
    }

    #[test]
    fn a_wrong_option_says_what_to_write() {
        assert!(
            message(parse_quote!(#[call(oneway)])).starts_with("unknown option `oneway`; there are `name")
        );
        assert!(message(parse_quote!(#[call(cancel = "maybe")])).contains("`token` only signals it"));
        assert!(
            message(parse_quote!(#[call(run = "thread")]))
                .contains("`blocking` on a thread where it may block")
        );
        assert_eq!(message(parse_quote!(#[call(cancel)])), "write `cancel = \"..\"`");
        assert!(message(parse_quote!(#[call(one_way, cancel = "drop")])).contains("remove `cancel`"));
        assert_eq!(message(parse_quote!(#[call(one_way, one_way)])), "`one_way` is set twice");
    }
}
