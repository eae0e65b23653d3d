//! `TicksPush<P>`: a function per notification, which pushes it into a sink.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;

use super::{Notification, Notifications};
use crate::bounds::{Bounds, codecs};
use crate::naming;
use crate::signature::documented;

impl Notifications {
    pub(super) fn push(&self) -> TokenStream {
        let (krate, vis, stack, push) = (&self.krate, &self.vis, &self.stack, self.push_name());
        let doc = format!(
            "Pushes the notifications of `{}` into a sink `P`, encoded by the codecs of `K`.",
            self.name
        );
        let (impls, making, pushing) = (self.common_impls(), self.making(), self.pushing());
        quote! {
            #[doc = #doc]
            #vis struct #push<P, K = #stack> {
                sink: P,
                stack: ::core::marker::PhantomData<fn() -> K>,
            }

            impl<P: #krate::PushSink> #push<P, #stack> {
                /// Pushes into `sink`, in the codecs of the usual stack.
                #vis fn new(sink: P) -> Self {
                    Self::with_stack(sink)
                }
            }

            impl<P: #krate::PushSink, K: #krate::typed::Stack> #push<P, K> {
                /// Pushes into `sink`, in the codecs of a stack of one's own.
                #vis fn with_stack(sink: P) -> Self {
                    Self { sink, stack: ::core::marker::PhantomData }
                }
            }

            #making
            #pushing
            #impls
        }
    }

    /// What makes a push and leaves the pushing to the user. Its sink is `()`, so that callers need not name one.
    fn making(&self) -> TokenStream {
        let (krate, stack, push) = (&self.krate, &self.stack, self.push_name());
        let codecs = quote!(<#stack as #krate::typed::Stack>::Codecs);
        let functions = self.notifications.iter().map(|notification| {
            let vis = &self.vis;
            let names = Names::of(notification);
            let (make, path) = (&names.make, self.path(notification));
            let doc = format!("The push `{path}`, for whatever takes pushes.");
            let (parameters, value) =
                (notification.payload.declared(), self.push_value(notification, &codecs));
            quote! {
                #[doc = #doc]
                #vis fn #make(#parameters) -> #krate::Push {
                    #value
                }
            }
        });
        quote! {
            impl #push<(), #stack> {
                #(#functions)*
            }
        }
    }

    fn pushing(&self) -> TokenStream {
        let (krate, push) = (&self.krate, self.push_name());
        let codecs = codecs(krate);
        let functions =
            self.notifications.iter().map(|notification| self.push_functions(notification, &codecs));
        quote! {
            impl<__P: #krate::PushSink, __K: #krate::typed::Stack> #push<__P, __K> {
                #(#functions)*
            }
        }
    }

    /// The bounds stand on each function, so that a type no codec can carry is named where it is pushed.
    fn push_functions(&self, notification: &Notification, codecs: &TokenStream) -> TokenStream {
        let (krate, vis, path) = (&self.krate, &self.vis, self.path(notification));
        let Names { wait, attempt, .. } = Names::of(notification);
        let attributes = documented(&notification.attrs, &format!("Pushes `{path}`."));
        let attempt_doc =
            format!("Pushes `{path}` as [`{wait}`](Self::{wait}) does, but without waiting for room.");
        let mut bounds = Bounds::default();
        bounds.encode(krate, notification.payload.ty());
        let bounds = bounds.clause(codecs);
        let (ty, parameters) = (notification.payload.ty(), notification.payload.declared());
        let packed = notification.payload.packed();
        let push_typed = naming::generated_for(&ty, quote!(#krate::typed::push_typed::<#codecs,));
        let try_push_typed = naming::generated_for(&ty, quote!(#krate::typed::try_push_typed::<#codecs,));
        quote! {
            #attributes
            ///
            /// # Errors
            /// The future's, if the sink is closed or cannot take this push; it waits while the sink is full.
            #vis fn #wait(&self, #parameters) -> #krate::typed::TypedPushing<'_, #codecs, #ty, __P>
            #bounds
            {
                #push_typed #ty, __P>(&self.sink, #path, #packed)
            }

            #[doc = #attempt_doc]
            ///
            /// # Errors
            /// The push again with the reason, if the sink is full, closed, or cannot take it.
            #vis fn #attempt(&self, #parameters) -> ::core::result::Result<(), #krate::Refused>
            #bounds
            {
                #try_push_typed #ty>(&self.sink, #path, #packed)
            }
        }
    }

    fn push_value(&self, notification: &Notification, codecs: &TokenStream) -> TokenStream {
        let (krate, path) = (&self.krate, self.path(notification));
        let (ty, value) = (notification.payload.ty(), notification.payload.packed());
        let typed = naming::generated_for(&ty, quote!(#krate::Push::typed::<#codecs,));
        quote!(#typed #ty>(#path, #value))
    }

    fn path(&self, notification: &Notification) -> String {
        format!("{}/{}", self.name, notification.variant)
    }

    fn common_impls(&self) -> TokenStream {
        let push = self.push_name();
        let title = push.to_string();
        quote! {
            impl<P: ::core::clone::Clone, K> ::core::clone::Clone for #push<P, K> {
                fn clone(&self) -> Self {
                    Self { sink: ::core::clone::Clone::clone(&self.sink), stack: ::core::marker::PhantomData }
                }
            }

            impl<P: ::core::fmt::Debug, K> ::core::fmt::Debug for #push<P, K> {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#title).field("sink", &self.sink).finish_non_exhaustive()
                }
            }
        }
    }
}

/// The functions generated for a notification.
struct Names {
    /// Makes the push.
    make: syn::Ident,
    /// Pushes without waiting.
    attempt: syn::Ident,
    /// Pushes, waiting for room.
    wait: syn::Ident,
}

impl Names {
    fn of(notification: &Notification) -> Self {
        let wait = naming::generated(&notification.ident);
        let plain = wait.unraw();
        Self {
            make: format_ident!("{plain}_push", span = wait.span()),
            attempt: format_ident!("try_{plain}", span = wait.span()),
            wait,
        }
    }
}
