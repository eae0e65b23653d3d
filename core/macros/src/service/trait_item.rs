//! The trait again, with futures that are `Send`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Block, Ident, ReturnType, TraitItem, TraitItemFn, TypeParamBound};

use super::Service;
use super::call_options::is_call;
use crate::naming;

impl Service {
    pub(super) fn trait_item(&self) -> TokenStream {
        let item = &self.item;
        let (attrs, vis, ident, token) = (&item.attrs, &item.vis, &item.ident, &item.trait_token);
        let supertraits = self.supertraits();
        let methods = item.items.iter().filter_map(|entry| match entry {
            TraitItem::Fn(function) => Some(method(function)),
            _ => None,
        });
        quote! {
            #(#attrs)*
            #vis #token #ident: #(#supertraits)+* {
                #(#methods)*
            }
        }
    }

    /// The author's, and what serving from many tasks needs.
    fn supertraits(&self) -> Vec<TokenStream> {
        let written = &self.item.supertraits;
        let is_trait = |bound: &TypeParamBound, name: &str| match bound {
            TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == name),
            _ => false,
        };
        let is_static = |bound: &TypeParamBound| matches!(bound, TypeParamBound::Lifetime(lifetime) if lifetime.ident == "static");
        let mut bounds: Vec<_> = written.iter().map(|bound| quote!(#bound)).collect();
        if !written.iter().any(|bound| is_trait(bound, "Send")) {
            bounds.push(quote!(::core::marker::Send));
        }
        if !written.iter().any(|bound| is_trait(bound, "Sync")) {
            bounds.push(quote!(::core::marker::Sync));
        }
        if !written.iter().any(is_static) {
            bounds.push(quote!('static));
        }
        bounds
    }
}

fn method(function: &TraitItemFn) -> TokenStream {
    let attrs = function.attrs.iter().filter(|attribute| !is_call(attribute));
    let (ident, inputs) = (&function.sig.ident, &function.sig.inputs);
    let output = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let send = naming::generated_for(&quote!(#ident), quote!(::core::marker::Send));
    let body = match &function.default {
        None => quote!(;),
        Some(body) => default_body(body, &output),
    };
    quote! {
        #(#attrs)*
        fn #ident(#inputs) -> impl ::core::future::Future<Output = #output> + #send #body
    }
}

/// The body as a future. An `async` block has no return type of its own, so a `return` and a binding that name it stand
/// before what the author wrote: there values coerce and types are inferred as in an `async fn`.
fn default_body(body: &Block, output: &TokenStream) -> TokenStream {
    let value = Ident::new("value", Span::mixed_site());
    quote! {
        {
            async move {
                if let ::core::option::Option::Some(#value) = ::core::option::Option::None::<#output> {
                    return #value;
                }
                #[allow(clippy::diverging_sub_expression, reason = "a body may end by panicking")]
                let #value: #output = #body;
                #[allow(unreachable_code, reason = "a body may end by panicking")]
                #value
            }
        }
    }
}
