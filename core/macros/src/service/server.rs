//! `ArithServer<T>`: an implementation of the trait, ready for registration.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

use super::{Answer, Cancel, Method, Run, Service};
use crate::bounds::{Bounds, codecs};

impl Service {
    pub(super) fn server(&self) -> TokenStream {
        let (vis, ident, server) = (&self.vis, &self.item.ident, self.server_name());
        let title = server.to_string();
        let doc = format!("Serves an implementation of [`{ident}`]: hand it to a server.");
        let new = format!(
            "Serves `service`, which a server shares among all calls; its name on the wire is `{}`.",
            self.name
        );
        let lint_levels = self.lint_levels();
        let registration = self.registration();
        quote! {
            #[doc = #doc]
            #vis struct #server<T> {
                inner: ::std::sync::Arc<T>,
            }

            #lint_levels
            impl<__T: #ident> #server<__T> {
                #[doc = #new]
                #vis fn new(service: __T) -> Self {
                    Self::from_arc(::std::sync::Arc::new(service))
                }

                /// Serves what is used elsewhere too.
                #vis fn from_arc(service: ::std::sync::Arc<__T>) -> Self {
                    Self { inner: service }
                }
            }

            impl<T> ::core::fmt::Debug for #server<T> {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#title).finish_non_exhaustive()
                }
            }

            #registration
        }
    }

    /// What a server asks of it: the table of its methods.
    fn registration(&self) -> TokenStream {
        let (krate, ident, name, server) = (&self.krate, &self.item.ident, &self.name, self.server_name());
        let codecs = codecs(krate);
        let bounds = self.server_bounds().clause(&codecs);
        let entries = self.methods.iter().map(|method| self.entry(method, &codecs));
        let lint_levels = self.lint_levels();
        quote! {
            #lint_levels
            impl<__T: #ident, __K: #krate::typed::Stack> #krate::typed::IntoService<__K> for #server<__T>
            #bounds
            {
                fn into_service(self) -> ::std::sync::Arc<dyn #krate::typed::Service> {
                    #[allow(unused_mut, reason = "a service may have no methods yet")]
                    let mut table = #krate::typed::ServiceTable::<__T>::new(#name, self.inner);
                    #(#entries)*
                    table.into_service()
                }
            }
        }
    }

    fn server_bounds(&self) -> Bounds {
        let mut bounds = Bounds::default();
        for method in &self.methods {
            bounds.decode(&self.krate, method.payload.ty());
            match &method.answer {
                Answer::Fallible(types) => {
                    bounds.encode(&self.krate, &types.0);
                    bounds.encode(&self.krate, &types.1);
                }
                Answer::Infallible(ty) => bounds.encode(&self.krate, ty),
                Answer::OneWay => {}
            }
        }
        bounds
    }

    /// What puts `method` into the table.
    fn entry(&self, method: &Method, codecs: &TokenStream) -> TokenStream {
        let (krate, path, args) = (&self.krate, &method.path, method.payload.ty());
        let options = options(method, krate);
        let handler = self.handler(method);
        let register = match &method.answer {
            Answer::Fallible(types) => {
                let (reply, fault) = &**types;
                quote!(unary::<#codecs, #args, #reply, #fault, _, _>)
            }
            Answer::Infallible(reply) => quote!(infallible::<#codecs, #args, #reply, _, _>),
            Answer::OneWay => quote!(one_way::<#codecs, #args, _, _>),
        };
        quote!(table.#register(#path, #options, #handler);)
    }

    /// The closure that calls `method` with what a call brought.
    fn handler(&self, method: &Method) -> TokenStream {
        let (krate, trait_name, name, args) =
            (&self.krate, &self.item.ident, &method.ident, method.payload.ty());
        // Named apart from everything a user's module may hold.
        let [service, cx, value, answer] =
            ["service", "cx", "args", "answer"].map(|name| Ident::new(name, Span::mixed_site()));
        let arguments = method.payload.unpacked(&value);
        // Cloned only for those who ask: it counts.
        let (keep_cx, pass_cx) = if method.has_context {
            let keep = quote!(let #cx = ::core::clone::Clone::clone(#cx););
            (Some(keep), Some(quote!(&#cx,)))
        } else {
            (None, None)
        };
        let cx = if method.has_context { quote!(#cx) } else { quote!(_) };
        let value = if arguments.is_empty() { quote!(()) } else { quote!(#value) };
        quote! {
            |#service: #krate::typed::Shared<__T>, #cx: &#krate::Context, #value: #args| {
                #keep_cx
                async move {
                    let #answer = <__T as #trait_name>::#name(&#service, #pass_cx #(#arguments),*).await;
                    (#service, #answer)
                }
            }
        }
    }
}

fn options(method: &Method, krate: &syn::Path) -> TokenStream {
    let policy = match (&method.answer, method.cancel) {
        (Answer::OneWay, _) | (_, Cancel::Never) => quote!(Never),
        (_, Cancel::Drop) => quote!(Drop),
        (_, Cancel::Token) => quote!(Token),
    };
    let run = match method.run {
        Run::InPlace => None,
        Run::Blocking => Some(quote!(.with_run(#krate::typed::RunPolicy::Blocking))),
        Run::Spawn => Some(quote!(.with_run(#krate::typed::RunPolicy::Spawn))),
    };
    quote!(#krate::typed::MethodOptions::new().with_cancel(#krate::typed::CancelPolicy::#policy)#run)
}
