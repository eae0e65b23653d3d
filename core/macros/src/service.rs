//! `#[service]`: a trait of async methods, a server's table of them, and a client that calls them.

mod call_options;
mod client;
mod context;
mod parse;
mod server;
mod trait_item;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Ident, ItemTrait, Path, Type};

use crate::naming;
use crate::options::{self, Options};
use crate::payload::Payload;

/// The items that stand for the trait in `item`, or its mistakes.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    Options::parse(options::Attribute::Service, options)
        .and_then(|options| Service::parse(options, item))
        .map_or_else(syn::Error::into_compile_error, |service| service.generate())
}

/// A service as its author wrote it.
struct Service {
    krate: Path,
    /// Its name on the wire.
    name: String,
    /// The trait's visibility, which is that of all that is generated.
    vis: TokenStream,
    item: ItemTrait,
    methods: Vec<Method>,
}

/// A method of a service.
struct Method {
    /// Docs, lint levels and deprecation, which hold for the client's method too.
    attrs: Vec<Attribute>,
    ident: Ident,
    /// `Service/Method`.
    path: String,
    has_context: bool,
    payload: Payload,
    answer: Answer,
    cancel: Cancel,
    run: Run,
}

/// What a method answers.
enum Answer {
    /// A value or the method's own error.
    Fallible(Box<(Type, Type)>),
    /// A value.
    Infallible(Box<Type>),
    /// Nothing, ever.
    OneWay,
}

/// What becomes of a handler whose caller has given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cancel {
    #[default]
    Drop,
    Never,
    Token,
}

/// Where a handler runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Run {
    Blocking,
    #[default]
    InPlace,
    Spawn,
}

impl Service {
    fn generate(&self) -> TokenStream {
        let (krate, vis) = (&self.krate, &self.vis);
        let payloads = self.methods.iter().filter_map(|method| method.payload.definition(krate, vis));
        let (trait_item, server, client) = (self.trait_item(), self.server(), self.client());
        quote! {
            #trait_item
            #(#payloads)*
            #server
            #client
        }
    }

    /// What the generated impls are excused from.
    fn lint_levels(&self) -> Option<TokenStream> {
        let deprecated = |attribute: &Attribute| attribute.path().is_ident("deprecated");
        let attributes = self.item.attrs.iter().chain(self.methods.iter().flat_map(|method| &method.attrs));
        attributes.into_iter().any(deprecated).then(|| {
            quote!(#[allow(deprecated, reason = "what is deprecated is still served, and callers are told")])
        })
    }

    fn client_name(&self) -> Ident {
        naming::item(&self.item.ident, "Client")
    }

    fn server_name(&self) -> Ident {
        naming::item(&self.item.ident, "Server")
    }
}
