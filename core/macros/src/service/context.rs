//! The `&Context` that a method may take first.

use syn::{PatType, Type};

use crate::errors::Errors;

/// Whether `first`, the first argument, is the context.
pub(super) fn is_context(first: &PatType) -> bool {
    let Type::Reference(reference) = &*first.ty else { return false };
    reference.mutability.is_none() && reference.lifetime.is_none() && names_context(&reference.elem)
}

/// Finds fault with a context in another form or place; `is_first` among the arguments.
pub(super) fn check_misplaced(argument: &PatType, is_first: bool, errors: &mut Errors) -> bool {
    let (bare, by_reference) = match &*argument.ty {
        Type::Reference(reference) => (&*reference.elem, true),
        other => (other, false),
    };
    if !names_context(bare) {
        return false;
    }
    let message = match (is_first, by_reference) {
        (true, _) => "take the context as `&Context`; a type of one's own that travels needs another name",
        (false, true) => "the context comes first, right after `&self`",
        (false, false) => return false,
    };
    errors.at(&argument.ty, message);
    true
}

fn names_context(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "Context" && last.arguments.is_none())
}
