//! What is generated passes the strictest lints of a user's crate, and never mistakes the user's names for its own.

#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unnameable_types,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::allow_attributes_without_reason,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::missing_docs_in_private_items
)]

#[allow(warnings, missing_docs, clippy::all, clippy::pedantic, clippy::nursery, reason = "it is no user's")]
#[allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "it is no user's")]
#[allow(clippy::missing_docs_in_private_items, reason = "it is no user's")]
pub mod fake;

/// What other crates see.
pub mod public {
    use crate::fake::{self, Context};
    use linkspan_macros::{notifications, service};

    /// Every shape of a method.
    #[service(crate = fake)]
    pub trait Shapes {
        /// Takes nothing.
        async fn into_parts(&self, cx: &Context) -> bool;
        /// Takes several things, and can fail.
        async fn to_sum(&self, left: i64, right: i64) -> Result<i64, String>;
        /// Is never answered.
        #[call(one_way)]
        async fn log(&self, line: Vec<u8>);
        /// Leaves early, and coerces both ways of leaving.
        async fn boxed(&self, early: bool) -> Box<[u8]> {
            if early {
                return Box::new([1]);
            }
            Box::new([1, 2])
        }
        /// Ends nowhere.
        async fn unfinished(&self) -> u8 {
            unimplemented!()
        }
        /// Is not called any more.
        #[deprecated(note = "call `log`")]
        async fn old(&self);
    }

    /// Every shape of a notification.
    #[notifications(crate = fake)]
    pub trait Notes {
        /// Carries one thing.
        fn tick(number: u64);
        /// Carries several.
        fn moved(left: f64, right: f64);
        /// Carries nothing.
        fn ended();
    }

    #[notifications(crate = fake)]
    pub trait Undocumented {
        fn tick(number: u64);
        fn moved(left: f64, right: f64);
    }

    /// A service that is yet to be.
    #[service(crate = fake)]
    pub trait Empty {}

    /// A list that is yet to be.
    #[notifications(crate = fake)]
    pub trait EmptyNotes {}
}

/// What nobody else sees, and nobody uses.
mod private {
    use linkspan_macros::{notifications, service};

    /// A private service.
    #[service(crate = super::fake)]
    trait Private {
        /// Takes several things.
        async fn sum(&self, left: i64, right: i64) -> i64;
    }

    /// A service of this crate.
    #[service(crate = crate::fake)]
    pub(crate) trait Within {
        /// Takes several things.
        async fn sum(&self, left: i64, right: i64) -> i64;
    }

    /// A private list.
    #[notifications(crate = super::fake)]
    trait PrivateNotes {
        /// Carries several things.
        fn moved(left: f64, right: f64);
    }
}

/// Names that generated code could mistake for its own.
pub mod names {
    use crate::fake;
    use linkspan_macros::{notifications, service};

    /// Defines types of these names.
    macro_rules! types {
        ($($name:ident)*) => {
            $(
                /// Nothing but a name.
                #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
                #[non_exhaustive]
                pub struct $name;
            )*
        };
    }
    types!(T K P Send Ok Clone Debug Future Service Stack Option);

    /// Not the real one.
    pub mod core {}
    /// Not the real one.
    pub mod std {}

    /// Takes its arguments' names and its types' names from generated code.
    #[service(crate = fake)]
    pub trait Names {
        /// As the trait of this name.
        async fn clone(&self, t: T, k: K) -> Result<P, K>;
        /// As the client's field.
        async fn caller(&self, caller: Service, cx: Stack, args: Ok, service: Send) -> Future;
        /// As the trait's method.
        async fn fmt(&self, f: Debug) -> Clone;
        /// As the trait's method.
        async fn into_service(&self, table: Option);
        /// With a body.
        async fn value(&self, value: T) -> T {
            value
        }
        /// A keyword.
        async fn r#match(&self, r#type: u8, r#loop: u8);
    }

    /// Takes its arguments' names and its types' names from generated code.
    #[notifications(crate = fake)]
    pub trait NameNotes {
        /// As the names in the decoder.
        fn body(notification: T, body: K);
        /// As the trait of this name.
        fn clone(sink: P);
        /// As the field.
        fn sink(push: Ok, stack: Send);
        /// A keyword.
        fn r#loop(r#type: u8, r#match: u8);
    }
}

/// Types that come through a macro.
pub mod wrapped {
    use crate::fake::{self, Context};
    use linkspan_macros::{notifications, service};

    /// Writes a service and a list.
    macro_rules! wrapped {
        ($service:ident, $notes:ident, $argument:ident: $ty:ty, $output:ty) => {
            /// A service.
            #[service(crate = fake)]
            pub trait $service {
                /// Takes several things.
                async fn get(&self, cx: &Context, $argument: $ty, more: $ty) -> $output;
            }

            /// A list.
            #[notifications(crate = fake)]
            pub trait $notes {
                /// Carries several things.
                fn got($argument: $ty, more: $ty);
            }
        };
    }
    wrapped!(Wrapped, WrappedNotes, n: Vec<u8>, Result<u8, String>);
}
