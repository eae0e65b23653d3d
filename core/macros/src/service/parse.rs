//! Reads a trait as a [`Service`], and says what to write instead where it is none.

use std::collections::HashMap;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericArgument, Item, ItemTrait, PathArguments, Receiver, ReceiverKind, ReturnType,
    Signature, TraitItem, TraitItemFn, Type, parse_quote,
};

use super::call_options::CallOptions;
use super::{Answer, Method, Service, context};
use crate::errors::Errors;
use crate::naming;
use crate::options::Options;
use crate::payload::Payload;
use crate::signature::{check_owned, check_plain, check_trait, parameter, typed};

impl Service {
    /// # Errors
    /// All that keeps `item` from being a service.
    pub(super) fn parse(options: Options, item: TokenStream) -> syn::Result<Self> {
        let item: ItemTrait = match syn::parse2(item)? {
            Item::Trait(item) => item,
            other => {
                return Err(syn::Error::new_spanned(other, "#[service] belongs on a trait of async methods"));
            }
        };
        let mut errors = Errors::default();
        check_trait(&item, "#[service]", &mut errors);
        let name = errors.take(naming::wire_name(options.name.as_ref(), &item.ident, item.ident.to_string()));
        let name = name.unwrap_or_default();
        let methods = item.items.iter().filter_map(|entry| match entry {
            TraitItem::Fn(function) => method(function, &name, &item, &mut errors),
            other => {
                errors.at(other, "a service has methods only: move this out of the trait");
                None
            }
        });
        let methods: Vec<_> = methods.collect();
        check_names(&methods, &mut errors);
        let vis = naming::generated_all(item.vis.to_token_stream());
        errors.finish(Self { krate: options.krate, name, vis, item, methods })
    }
}

fn method(function: &TraitItemFn, service: &str, item: &ItemTrait, errors: &mut Errors) -> Option<Method> {
    let signature = &function.sig;
    check_shape(function, errors);
    let camel = naming::upper_camel(&signature.ident);
    let options = errors.take(CallOptions::parse(&function.attrs)).unwrap_or_default();
    let name = errors.take(naming::wire_name(options.name.as_ref(), &signature.ident, camel.clone()));
    let has_context = typed(signature).next().is_some_and(context::is_context);
    let parameters =
        typed(signature).enumerate().skip(usize::from(has_context)).filter_map(|(index, argument)| {
            let misplaced = context::check_misplaced(argument, index == 0, errors);
            if misplaced { None } else { parameter(argument, errors) }
        });
    let parameters = parameters.collect();
    let answer = answer(&signature.output, options.one_way, errors)?;
    let (cancel, run) = (options.cancel.unwrap_or_default(), options.run.unwrap_or_default());
    Some(Method {
        attrs: function.attrs.iter().filter(|attribute| holds_for_client(attribute)).cloned().collect(),
        ident: signature.ident.clone(),
        path: format!("{service}/{}", name?),
        has_context,
        payload: Payload::new(parameters, naming::item(&item.ident, &format!("{camel}Args"))),
        answer,
        cancel,
        run,
    })
}

fn check_shape(function: &TraitItemFn, errors: &mut Errors) {
    let signature = &function.sig;
    check_cfg(&function.attrs, errors);
    check_plain(signature, errors);
    check_receiver(signature, errors);
    if signature.asyncness.is_none() {
        errors.at(signature.fn_token, "a call is waited for: write `async fn`");
    }
    if let Some(token) = &function.modifiers.defaultness {
        errors.at(token, "remove `default`: a method with a body may be overridden anyway");
    }
    if signature.ident == "new" {
        let message = "`new` makes the generated client: rename the method, and keep its name on the wire by \
                       #[call(name = \"New\")]";
        errors.at(&signature.ident, message);
    }
}

fn check_receiver(signature: &Signature, errors: &mut Errors) {
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) if is_shared(receiver) => {}
        Some(FnArg::Receiver(receiver)) => {
            errors.at(receiver, "calls run side by side on one service: take `&self`");
        }
        _ => errors.at(&signature.ident, "a method belongs to a service: take `&self` first"),
    }
}

fn is_shared(receiver: &Receiver) -> bool {
    matches!(receiver.kind, ReceiverKind::Reference(_, None, None))
}

fn check_cfg(attributes: &[Attribute], errors: &mut Errors) {
    let conditional =
        |attribute: &&Attribute| ["cfg", "cfg_attr"].iter().any(|name| attribute.path().is_ident(name));
    for attribute in attributes.iter().filter(conditional) {
        errors.at(attribute, "both sides know the same methods: put `cfg` on the whole trait");
    }
}

fn holds_for_client(attribute: &Attribute) -> bool {
    ["allow", "deprecated", "doc"].iter().any(|name| attribute.path().is_ident(name))
}

/// What a method answers, told from how its return type is written.
fn answer(output: &ReturnType, one_way: bool, errors: &mut Errors) -> Option<Answer> {
    let ty = match output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    if one_way {
        if !matches!(&ty, Type::Tuple(tuple) if tuple.elems.is_empty()) {
            errors.at(&ty, "a one-way method is never answered: remove the return type, or `one_way`");
        }
        return Some(Answer::OneWay);
    }
    check_owned(&ty, errors);
    let Some(arguments) = arguments_of_result(&ty) else { return Some(Answer::Infallible(Box::new(ty))) };
    let types = arguments.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    });
    let [ok, error] = <[Type; 2]>::try_from(types.collect::<Vec<_>>())
        .map_err(|_| errors.at(&ty, "both types cross the wire: write `Result<Reply, Fault>`, not an alias"))
        .ok()?;
    Some(Answer::Fallible(Box::new((ok, error))))
}

fn arguments_of_result(ty: &Type) -> Option<Vec<GenericArgument>> {
    match ty {
        Type::Group(group) => arguments_of_result(&group.elem),
        Type::Paren(paren) => arguments_of_result(&paren.elem),
        Type::Path(path) => {
            let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
            match &last.arguments {
                PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter().cloned().collect()),
                _ => Some(Vec::new()),
            }
        }
        _ => None,
    }
}

fn check_names(methods: &[Method], errors: &mut Errors) {
    let (mut paths, mut structs) = (HashMap::new(), HashMap::new());
    for Method { ident, path, payload, .. } in methods {
        if let Some(other) = paths.insert(path, ident) {
            let message = format!(
                "`{other}` and `{ident}` are both `{path}` on the wire: set #[call(name = \"..\")] on one"
            );
            errors.at(ident, message);
        }
        let Some(name) = payload.struct_name() else { continue };
        if let Some(other) = structs.insert(name, ident) {
            errors.at(ident, format!("`{other}` and `{ident}` both generate `{name}`: rename one"));
        }
    }
}

#[cfg(test)]
mod tests;
