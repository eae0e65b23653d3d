//! What a stack's codecs must be able to carry, each type once.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Path;

use crate::naming;

/// A list of bounds on the codecs of a stack.
#[derive(Default)]
pub(crate) struct Bounds(Vec<TokenStream>);

impl Bounds {
    /// They must read `ty`.
    pub(crate) fn decode(&mut self, krate: &Path, ty: impl ToTokens) {
        self.add(&quote!(#krate::DecodeBy), &ty.into_token_stream());
    }

    /// They must write `ty`.
    pub(crate) fn encode(&mut self, krate: &Path, ty: impl ToTokens) {
        self.add(&quote!(#krate::EncodeBy), &ty.into_token_stream());
    }

    fn add(&mut self, by: &TokenStream, ty: &TokenStream) {
        let open = naming::generated_for(ty, quote!(#by <));
        let close = naming::generated_for(ty, quote!(>));
        let bound = quote!(#open #ty #close);
        let text = bound.to_string();
        if self.0.iter().all(|known| known.to_string() != text) {
            self.0.push(bound);
        }
    }

    /// The `where` clause that says so of `codecs`.
    pub(crate) fn clause(&self, codecs: &TokenStream) -> TokenStream {
        let bounds = &self.0;
        if bounds.is_empty() { TokenStream::new() } else { quote!(where #codecs: #(#bounds)+*) }
    }
}

/// The codec set of the generated impls' stack. Its name stays clear of the user's types, which stand beside it.
pub(crate) fn codecs(krate: &Path) -> TokenStream {
    quote!(<__K as #krate::typed::Stack>::Codecs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn a_type_is_bound_once() {
        let krate = parse_quote!(k);
        let mut bounds = Bounds::default();
        bounds.encode(&krate, quote!(u8));
        bounds.encode(&krate, quote!(u8));
        bounds.decode(&krate, quote!(u8));
        let clause = bounds.clause(&quote!(C)).to_string();
        assert_eq!(clause, "where C : k :: EncodeBy < u8 > + k :: DecodeBy < u8 >");
        assert!(Bounds::default().clause(&quote!(C)).is_empty());
    }
}
