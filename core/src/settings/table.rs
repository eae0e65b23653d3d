//! The macro.

/// Declares a struct of settings: each has one entry with its documentation, name, type, default, range and setter.
///
/// From the table follow the struct with its fields, its `Default`, setters, `check`, serde's
/// traits (unknown names and values out of range are refused while reading, where a reader still knows the line), and
/// [`Settings`](crate::settings::Settings), which tells all of it as plain data.
///
/// - A type is `u32`, `u64`, `usize`, `bool`, `Duration`, `Option<Endpoint>`, `Option<PathBuf>`, `Option<String>`,
///   `Vec<Endpoint>` or `Vec<String>`, or one that implements [`SettingType`](crate::settings::SettingType): a choice
///   among names. Numbers of bytes are declared `as Bytes`; files may then say `"64 KiB"`.
/// - Fields, setters and `check` are as visible as the struct. `within` and `set by` may be left out.
/// - `within` gives the range; numbers have one of `u64`, durations one of `Duration`.
/// - `checked by` names a function for what no range can say. It is called after the ranges were checked.
///
/// ```
/// use std::time::Duration;
///
/// use linkspan_core::settings::{Misfit, Settings};
///
/// linkspan_core::settings! {
///     /// What may be chosen about carrier pigeons.
///     pub struct PigeonConfig {
///         /// Largest roll of paper, in bytes. Default 4 KiB.
///         roll_len: usize as Bytes = 4096, within 1..=64 * 1024, set by with_roll_len;
///         /// Pigeons. Default 4.
///         pigeons: u32 = 4, within 1..=100, set by with_pigeons;
///         /// Time for a flight. Default 2 h.
///         flight: Duration = Duration::from_secs(7200),
///             within Duration::from_secs(60)..=Duration::from_secs(86_400), set by with_flight;
///     }
///     checked by PigeonConfig::fits_the_loft;
/// }
///
/// impl PigeonConfig {
///     fn fits_the_loft(&self) -> Result<(), Misfit> {
///         if self.pigeons % 2 == 0 { Ok(()) } else { Err(Misfit::new("pigeons", "they go in pairs")) }
///     }
/// }
///
/// let config = PigeonConfig::default().with_pigeons(7);
/// assert_eq!(config.check().unwrap_err().to_string(), "pigeons: they go in pairs");
/// assert_eq!(PigeonConfig::settings()[0].default.to_string(), r#""4 KiB""#);
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty $(as $kind:ident)? = $default:expr
                    $(, within $range:expr)? $(, set by $setter:ident)?;
            )+
        }
        $(checked by $check:path;)?
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        $vis struct $name {
            $(
                $(#[doc = $doc])+
                $vis $field: $type,
            )+
        }

        impl ::core::default::Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $name {
            $($(
                #[doc = concat!("The same with [`", stringify!($field), "`](Self::", stringify!($field), ").")]
                #[must_use]
                $vis fn $setter(mut self, value: $type) -> Self {
                    self.$field = value;
                    self
                }
            )?)+

            /// Checks every field.
            ///
            /// # Errors
            /// `ErrorKind::Configuration`, naming the field and its range.
            #[allow(dead_code, reason = "what is read from files only needs it less")]
            $vis fn check(&self) -> ::core::result::Result<(), $crate::Error> {
                $crate::settings::Settings::fits(self).map_err($crate::Error::from)
            }
        }

        impl $crate::settings::Settings for $name {
            const NAME: &'static str = stringify!($name);
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];

            fn settings() -> &'static [$crate::settings::Setting] {
                static TABLE: ::std::sync::LazyLock<::std::vec::Vec<$crate::settings::Setting>> =
                    ::std::sync::LazyLock::new(|| {
                        let default = $name::default();
                        ::std::vec![$(
                            $crate::settings::Setting::new::<$type>(
                                stringify!($field),
                                &[$($doc),+],
                                &default.$field,
                            )
                            $(.counted_as($crate::settings::SettingKind::$kind))?
                            $(.within::<$type>($range))?
                        ),+]
                    });
                &TABLE
            }

            fn value(&self, name: &str) -> ::core::option::Option<$crate::settings::SettingValue> {
                let setting = Self::settings().iter().find(|setting| setting.name == name)?;
                match name {
                    $(stringify!($field) => ::core::option::Option::Some(
                        $crate::settings::SettingType::to_value(&self.$field, setting.kind),
                    ),)+
                    _ => ::core::option::Option::None,
                }
            }

            fn set(
                &mut self,
                name: &'static str,
                value: $crate::settings::SettingValue,
            ) -> ::core::result::Result<(), $crate::settings::Misfit> {
                if let ::core::option::Option::Some(setting) =
                    Self::settings().iter().find(|setting| setting.name == name)
                {
                    setting.check(&value)?;
                }
                match name {
                    $(stringify!($field) => {
                        self.$field = $crate::settings::SettingType::from_value(name, value)?;
                    })+
                    _ => {}
                }
                ::core::result::Result::Ok(())
            }

            fn fits(&self) -> ::core::result::Result<(), $crate::settings::Misfit> {
                for setting in Self::settings() {
                    if let ::core::option::Option::Some(value) = self.value(setting.name) {
                        setting.check(&value)?;
                    }
                }
                $($check(self)?;)?
                ::core::result::Result::Ok(())
            }
        }

        impl $crate::settings::serde::Serialize for $name {
            fn serialize<S: $crate::settings::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                $crate::settings::serialize(self, serializer)
            }
        }

        impl<'de> $crate::settings::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::settings::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::settings::deserialize(deserializer)
            }
        }
    };
}
