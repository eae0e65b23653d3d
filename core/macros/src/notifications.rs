//! `#[notifications]`: a list of notifications, what pushes them, and the events they arrive as.

mod event;
mod parse;
mod push;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Ident, Path};

use crate::naming;
use crate::options::{self, Options};
use crate::payload::Payload;

/// The items that stand for the trait in `item`, or its mistakes.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    Options::parse(options::Attribute::Notifications, options)
        .and_then(|options| Notifications::parse(options, item))
        .map_or_else(syn::Error::into_compile_error, |notifications| notifications.generate())
}

/// A list of notifications as its author wrote it.
struct Notifications {
    krate: Path,
    /// The stack that pushes are encoded with unless the user says otherwise.
    stack: Path,
    /// Its name on the wire.
    name: String,
    attrs: Vec<Attribute>,
    /// The trait's visibility, which is that of all that is generated.
    vis: TokenStream,
    ident: Ident,
    notifications: Vec<Notification>,
}

/// One of them.
struct Notification {
    attrs: Vec<Attribute>,
    /// The push's method.
    ident: Ident,
    /// The event's variant, whose name is the notification's on the wire.
    variant: Ident,
    payload: Payload,
}

impl Notifications {
    fn generate(&self) -> TokenStream {
        let bodies = self.notifications.iter();
        let bodies =
            bodies.filter_map(|notification| notification.payload.definition(&self.krate, &self.vis));
        let (event, push) = (self.event(), self.push());
        quote! {
            #(#bodies)*
            #event
            #push
        }
    }

    fn event_name(&self) -> Ident {
        naming::item(&self.ident, "Event")
    }

    fn push_name(&self) -> Ident {
        naming::item(&self.ident, "Push")
    }
}
