//! `TicksEvent`: what arrives at a client, a variant per notification.

use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;
use syn::Ident;

use super::{Notification, Notifications};
use crate::bounds::{Bounds, codecs};
use crate::naming;
use crate::signature::documented;

impl Notifications {
    pub(super) fn event(&self) -> TokenStream {
        let (krate, vis, ident, event) = (&self.krate, &self.vis, &self.ident, self.event_name());
        let attributes = documented(&self.attrs, &format!("What arrives of `{}`.", self.name));
        let variants = self.notifications.iter().map(|notification| notification.variant(&self.name));
        let stream = naming::item(ident, "Events");
        let stream_doc = format!("A stream of [`{event}`]s.");
        let decode = self.decode();
        quote! {
            #attributes
            #[derive(::core::clone::Clone, ::core::fmt::Debug)]
            #[non_exhaustive]
            #vis enum #event {
                #(#variants,)*
                /// Something was lost here, and how much.
                Gap(#krate::Gap),
                /// A notification that this version does not know.
                Unknown(#krate::Notification),
            }

            #[doc = #stream_doc]
            #vis type #stream = #krate::Events<#event>;

            #decode
        }
    }

    fn decode(&self) -> TokenStream {
        let (krate, name, event) = (&self.krate, &self.name, self.event_name());
        let codecs = codecs(krate);
        let mut bounds = Bounds::default();
        for notification in &self.notifications {
            bounds.decode(krate, notification.payload.ty());
        }
        let bounds = bounds.clause(&codecs);
        let arms = self.notifications.iter().map(|notification| notification.arm(&codecs));
        quote! {
            impl<__K: #krate::typed::Stack> #krate::typed::Event<__K> for #event
            #bounds
            {
                const SERVICE: &'static str = #name;

                fn decode(
                    notification: &#krate::typed::NotificationRef<'_>,
                ) -> ::core::result::Result<Self, #krate::Error> {
                    match notification.method_bytes() {
                        #(#arms)*
                        _ => ::core::result::Result::Ok(Self::Unknown(notification.to_notification())),
                    }
                }

                fn gap(gap: #krate::Gap) -> Self {
                    Self::Gap(gap)
                }
            }
        }
    }
}

impl Notification {
    fn variant(&self, service: &str) -> TokenStream {
        let variant = &self.variant;
        let attributes = documented(&self.attrs, &format!("The notification `{service}/{variant}`."));
        let fields = self.payload.parameters().iter().map(|parameter| {
            let (name, ty) = (naming::generated(&parameter.name), &parameter.ty);
            let doc = format!("The argument `{name}`.");
            quote!(#[doc = #doc] #name: #ty)
        });
        let fields: Vec<_> = fields.collect();
        if fields.is_empty() {
            quote!(#attributes #variant)
        } else {
            quote!(#attributes #variant { #(#fields),* })
        }
    }

    fn arm(&self, codecs: &TokenStream) -> TokenStream {
        let (variant, ty) = (&self.variant, self.payload.ty());
        let name = Literal::byte_string(variant.to_string().as_bytes());
        let decode = quote!(notification.decode_body::<#codecs, #ty>()?);
        let value = Ident::new("body", Span::mixed_site());
        let fields = self.payload.parameters().iter().map(|parameter| &parameter.name);
        let values = self.payload.unpacked(&value);
        if values.is_empty() {
            return quote! {
                #name => {
                    #decode;
                    ::core::result::Result::Ok(Self::#variant)
                }
            };
        }
        quote! {
            #name => {
                let #value = #decode;
                ::core::result::Result::Ok(Self::#variant { #(#fields: #values),* })
            }
        }
    }
}
