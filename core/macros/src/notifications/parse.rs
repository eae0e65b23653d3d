//! Reads a trait as a list of [`Notifications`], and says what to write instead where it is none.

use std::collections::HashMap;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Ident, Item, ItemTrait, ReturnType, TraitItem, TraitItemFn, parse_quote};

use super::{Notification, Notifications};
use crate::errors::Errors;
use crate::naming;
use crate::options::Options;
use crate::payload::Payload;
use crate::signature::{check_plain, check_trait, parameter, typed};

impl Notifications {
    /// # Errors
    /// All that keeps `item` from being a list of notifications.
    pub(super) fn parse(options: Options, item: TokenStream) -> syn::Result<Self> {
        let item: ItemTrait = match syn::parse2(item)? {
            Item::Trait(item) => item,
            other => {
                return Err(syn::Error::new_spanned(
                    other,
                    "#[notifications] belongs on a trait of plain `fn`s",
                ));
            }
        };
        let mut errors = Errors::default();
        check_trait(&item, "#[notifications]", &mut errors);
        check_attributes(&item.attrs, &mut errors);
        if !item.supertraits.is_empty() {
            errors.at(
                &item.supertraits,
                "nobody implements this trait, it lists notifications: remove the supertraits",
            );
        }
        let name = errors.take(naming::wire_name(options.name.as_ref(), &item.ident, item.ident.to_string()));
        let notifications = item.items.iter().filter_map(|entry| match entry {
            TraitItem::Fn(function) => notification(function, &item.ident, &mut errors),
            other => {
                errors.at(other, "a list of notifications has functions only: move this out of the trait");
                None
            }
        });
        let notifications: Vec<_> = notifications.collect();
        check_names(&notifications, &mut errors);
        let krate = options.krate;
        errors.finish(Self {
            stack: options.stack.unwrap_or_else(|| parse_quote!(#krate::Standard)),
            krate,
            name: name.unwrap_or_default(),
            attrs: item.attrs,
            vis: naming::generated_all(item.vis.to_token_stream()),
            ident: item.ident,
            notifications,
        })
    }
}

fn notification(function: &TraitItemFn, list: &Ident, errors: &mut Errors) -> Option<Notification> {
    let signature = &function.sig;
    check_shape(function, errors);
    let parameters = typed(signature).filter_map(|argument| parameter(argument, errors)).collect();
    let camel = naming::upper_camel(&signature.ident);
    let name = errors.take(naming::wire_name(None, &signature.ident, camel))?;
    let Ok(mut variant) = syn::parse_str::<Ident>(&name) else {
        errors.at(
            &signature.ident,
            format!("`{name}` cannot be the name of a variant: rename the notification"),
        );
        return None;
    };
    variant.set_span(signature.ident.span());
    Some(Notification {
        attrs: function.attrs.clone(),
        ident: signature.ident.clone(),
        variant: naming::generated(&variant),
        payload: Payload::new(parameters, naming::item(list, &format!("{name}Body"))),
    })
}

fn check_shape(function: &TraitItemFn, errors: &mut Errors) {
    let signature = &function.sig;
    check_attributes(&function.attrs, errors);
    check_plain(signature, errors);
    if let Some(token) = &signature.asyncness {
        errors.at(token, "a notification is not waited for: remove `async`");
    }
    if let Some(receiver) = signature.receiver() {
        errors.at(receiver, "a notification belongs to no object: remove `self`, list only what it carries");
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        errors.at(
            ty,
            "a notification is not answered: remove the return type, or make it a method of a #[service]",
        );
    }
    if let Some(body) = &function.default {
        errors.at(body, "a notification is only declared here: write `;` instead of a body");
    }
    if let Some(token) = &function.modifiers.defaultness {
        errors.at(token, "a notification is only declared here: remove `default`");
    }
}

fn check_attributes(attributes: &[Attribute], errors: &mut Errors) {
    let carried = |attribute: &Attribute| ["allow", "doc"].iter().any(|name| attribute.path().is_ident(name));
    for attribute in attributes.iter().filter(|attribute| !carried(attribute)) {
        errors.at(attribute, "only docs and `allow` are carried over to what is generated: remove this");
    }
}

fn check_names(notifications: &[Notification], errors: &mut Errors) {
    let (mut variants, mut functions) = (HashMap::new(), HashMap::new());
    for Notification { ident, variant, .. } in notifications {
        if variant == "Gap" || variant == "Unknown" {
            errors
                .at(ident, format!("every event has a variant `{variant}` already: rename the notification"));
        } else if let Some(other) = variants.insert(variant, ident) {
            errors.at(ident, format!("`{other}` and `{ident}` are both `{variant}` on the wire: rename one"));
            continue;
        }
        let name = ident.to_string();
        let names = [name.clone(), format!("try_{name}"), format!("{name}_push")];
        if let Some(name) = names.iter().find(|name| ["new", "with_stack"].contains(&name.as_str())) {
            errors.at(ident, format!("`{name}` makes the generated push: rename the notification"));
        }
        for name in names {
            if let Some(other) = functions.insert(name.clone(), ident) {
                errors.at(
                    ident,
                    format!("`{other}` and `{ident}` both generate a function `{name}`: rename one"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options;

    fn parse(functions: &str) -> syn::Result<Notifications> {
        let options = Options::parse(options::Attribute::Notifications, TokenStream::new()).unwrap();
        Notifications::parse(options, format!("trait Ticks {{ {functions} }}").parse().unwrap())
    }

    fn messages(functions: &str) -> Vec<String> {
        parse(functions).err().unwrap().into_iter().map(|error| error.to_string()).collect()
    }

    #[test]
    fn a_notification_is_named_after_its_function() {
        let ticks = parse("fn price_moved(x: f64, y: f64); fn r#type();").unwrap();
        let variants: Vec<_> = ticks.notifications.iter().map(|each| each.variant.to_string()).collect();
        assert_eq!(variants, ["PriceMoved", "Type"]);
        assert_eq!(ticks.notifications[0].payload.ty().to_string(), "TicksPriceMovedBody");
        assert_eq!(ticks.name, "Ticks");
    }

    #[test]
    fn all_mistakes_are_found_in_one_go() {
        let messages = messages("async fn a(&self) -> u8 { 1 } fn b(s: &str); type X;");
        assert_eq!(messages.len(), 6, "{messages:?}");
    }

    #[test]
    fn generated_names_do_not_collide() {
        for (functions, part) in [
            ("fn gap();", "has a variant `Gap` already"),
            ("fn tick(); fn tick_();", "are both `Tick` on the wire"),
            ("fn new();", "`new` makes the generated push"),
            ("fn tick(); fn try_tick();", "both generate a function `try_tick`"),
            ("fn _1();", "cannot be the name of a variant"),
            ("fn self_();", "cannot be the name of a variant"),
        ] {
            let messages = messages(functions);
            assert!(messages.len() == 1 && messages[0].contains(part), "{functions}: {messages:?}");
        }
    }
}
