//! Arguments as the one value that travels: none as `()`, one as itself, several as a generated struct.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Ident, Path, Type};

/// An argument that travels.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
}

/// The arguments of a method or notification.
pub(crate) struct Payload {
    parameters: Vec<Parameter>,
    /// What a struct for them is called.
    name: Ident,
}

impl Payload {
    pub(crate) fn new(parameters: Vec<Parameter>, name: Ident) -> Self {
        Self { parameters, name }
    }

    /// Its arguments, in order.
    pub(crate) fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The type that travels.
    pub(crate) fn ty(&self) -> TokenStream {
        match self.parameters.as_slice() {
            [] => quote!(()),
            [one] => one.ty.to_token_stream(),
            _ => self.name.to_token_stream(),
        }
    }

    /// What the struct is called, if there must be one.
    pub(crate) fn struct_name(&self) -> Option<&Ident> {
        (self.parameters.len() > 1).then_some(&self.name)
    }

    /// The struct, if there must be one. Only code beside it looks inside.
    pub(crate) fn definition(&self, krate: &Path, vis: &TokenStream) -> Option<TokenStream> {
        let name = self.struct_name()?;
        let fields = self.parameters.iter().map(|Parameter { name, ty }| quote!(#name: #ty));
        let serde = quote!(#krate::typed::serde);
        let serde_path = serde.to_string();
        Some(quote! {
            #[doc(hidden)]
            #[derive(#serde::Serialize, #serde::Deserialize)]
            #[serde(crate = #serde_path)]
            #vis struct #name {
                #(#fields,)*
            }
        })
    }

    /// The arguments as they are declared: `a: i64, b: i64`.
    pub(crate) fn declared(&self) -> TokenStream {
        let parameters = self.parameters.iter().map(|Parameter { name, ty }| quote!(#name: #ty));
        quote!(#(#parameters),*)
    }

    /// The value that travels, made of the declared arguments.
    pub(crate) fn packed(&self) -> TokenStream {
        match self.parameters.as_slice() {
            [] => quote!(()),
            [one] => one.name.to_token_stream(),
            several => {
                let name = &self.name;
                let fields = several.iter().map(|parameter| &parameter.name);
                quote!(#name { #(#fields),* })
            }
        }
    }

    /// Each argument again, out of the `value` that travelled.
    pub(crate) fn unpacked(&self, value: &Ident) -> Vec<TokenStream> {
        match self.parameters.as_slice() {
            [_] => vec![value.to_token_stream()],
            others => others.iter().map(|Parameter { name, .. }| quote!(#value.#name)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn payload(parameters: &[(&str, &str)]) -> Payload {
        let parse = |(name, ty): &(&str, &str)| Parameter {
            name: syn::parse_str(name).unwrap(),
            ty: syn::parse_str(ty).unwrap(),
        };
        Payload::new(parameters.iter().map(parse).collect(), parse_quote!(ArithAddArgs))
    }

    fn shape(payload: &Payload) -> (String, String, Vec<String>) {
        let unpacked = payload.unpacked(&parse_quote!(args));
        let unpacked = unpacked.iter().map(ToString::to_string).collect();
        (payload.ty().to_string(), payload.packed().to_string(), unpacked)
    }

    #[test]
    fn no_argument_travels_as_nothing() {
        assert_eq!(shape(&payload(&[])), ("()".into(), "()".into(), vec![]));
    }

    #[test]
    fn one_argument_travels_as_itself() {
        assert_eq!(shape(&payload(&[("n", "u64")])), ("u64".into(), "n".into(), vec!["args".into()]));
    }

    #[test]
    fn several_arguments_travel_as_a_struct() {
        let payload = payload(&[("a", "i64"), ("b", "i64")]);
        let (ty, packed, unpacked) = shape(&payload);
        assert_eq!((ty.as_str(), packed.as_str()), ("ArithAddArgs", "ArithAddArgs { a , b }"));
        assert_eq!(unpacked, ["args . a", "args . b"]);
        let definition = payload.definition(&parse_quote!(k), &quote!(pub)).unwrap().to_string();
        assert!(definition.contains("pub struct ArithAddArgs { a : i64 , b : i64 , }"), "{definition}");
    }
}
