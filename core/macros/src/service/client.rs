//! `ArithClient`: a method per method, each of which makes a call.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Ident;
use syn::ext::IdentExt;

use super::{Answer, Method, Service};
use crate::bounds::{Bounds, codecs};
use crate::naming;
use crate::signature::documented;

impl Service {
    pub(super) fn client(&self) -> TokenStream {
        let (krate, vis, ident, client) = (&self.krate, &self.vis, &self.item.ident, self.client_name());
        let codecs = codecs(krate);
        let bounds = self.client_bounds().clause(&codecs);
        let doc = format!("Calls a remote [`{ident}`]. Cheap to clone; clones share one connection.");
        let fields = self.methods.iter().map(|method| {
            let (field, ty) = (field(method), self.method_type(method));
            quote!(#field: #ty)
        });
        let values = self.methods.iter().map(|method| {
            let (field, value) = (field(method), self.method_value(method, &codecs));
            quote!(#field: #value)
        });
        let methods = self.methods.iter().map(|method| self.client_method(method));
        let (title, lint_levels) = (client.to_string(), self.lint_levels());
        quote! {
            #[doc = #doc]
            #[derive(::core::clone::Clone)]
            #vis struct #client {
                caller: #krate::typed::Caller,
                #(#fields,)*
            }

            #lint_levels
            impl #client {
                /// Calls through `client`.
                #vis fn new<__K: #krate::typed::Stack>(client: &#krate::typed::Client<__K>) -> Self
                #bounds
                {
                    Self { caller: client.caller(), #(#values,)* }
                }

                #(#methods)*
            }

            impl ::core::fmt::Debug for #client {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#title).field("caller", &self.caller).finish_non_exhaustive()
                }
            }
        }
    }

    fn client_bounds(&self) -> Bounds {
        let mut bounds = Bounds::default();
        for method in &self.methods {
            bounds.encode(&self.krate, method.payload.ty());
            match &method.answer {
                Answer::Fallible(types) => {
                    bounds.decode(&self.krate, &types.0);
                    bounds.decode(&self.krate, &types.1);
                }
                Answer::Infallible(ty) => bounds.decode(&self.krate, ty),
                Answer::OneWay => {}
            }
        }
        bounds
    }

    fn method_type(&self, method: &Method) -> TokenStream {
        let krate = &self.krate;
        let generics = generics(method);
        match &method.answer {
            Answer::OneWay => quote!(#krate::typed::OneWayMethod<#generics>),
            _ => quote!(#krate::typed::Method<#generics>),
        }
    }

    fn method_value(&self, method: &Method, codecs: &TokenStream) -> TokenStream {
        let (krate, path) = (&self.krate, &method.path);
        match &method.answer {
            Answer::Fallible(_) => quote!(#krate::typed::Method::new::<#codecs>(#path)),
            Answer::Infallible(_) => quote!(#krate::typed::Method::infallible::<#codecs>(#path)),
            Answer::OneWay => quote!(#krate::typed::OneWayMethod::new::<#codecs>(#path)),
        }
    }

    fn client_method(&self, method: &Method) -> TokenStream {
        let (krate, vis) = (&self.krate, &self.vis);
        let attributes = documented(&method.attrs, &format!("Calls `{}`.", method.path));
        let name = naming::generated(&method.ident);
        let (field, parameters, value) = (field(method), method.payload.declared(), method.payload.packed());
        let generics = generics(method);
        let (future, start) = match &method.answer {
            Answer::OneWay => (quote!(OneWayCall), quote!(one_way)),
            _ => (quote!(Call), quote!(call)),
        };
        quote! {
            #attributes
            #vis fn #name(&self, #parameters) -> #krate::#future<'_, #generics> {
                self.caller.#start(&self.#field, #value)
            }
        }
    }
}

/// What a method is generic over: its arguments, and unless it is one-way, its reply and its error.
fn generics(method: &Method) -> TokenStream {
    let args = method.payload.ty();
    match &method.answer {
        Answer::Fallible(types) => {
            let (reply, fault) = (types.0.to_token_stream(), types.1.to_token_stream());
            quote!(#args, #reply, #fault)
        }
        Answer::Infallible(reply) => quote!(#args, #reply, ::core::convert::Infallible),
        Answer::OneWay => args,
    }
}

/// The client's field for `method`, named apart from its other fields.
fn field(method: &Method) -> Ident {
    naming::generated(&quote::format_ident!("method_{}", method.ident.unraw(), span = method.ident.span()))
}
