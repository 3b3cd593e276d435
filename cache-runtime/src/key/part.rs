//! What a parameter adds to a key.

#![expect(clippy::inline_always, reason = "only inlined does what a hit calls know what form it writes")]

use super::KeyWriter;
use std::{borrow::Cow, rc::Rc, sync::Arc};

/// A value that can stand in a key.
///
/// Two different values of one type must write different texts. Implemented for integers, text, `bool`, `char`, options,
/// slices, tuples and references; `#[derive(KeyPart)]` covers newtypes, structs and enums, and `#[key(display)]` on a type uses
/// its `Display`. Floats are refused on purpose: round them to an integer that means what you mean.
///
/// # Examples
/// ```
/// use cache_runtime::KeyPart;
///
/// #[derive(Clone, Copy, KeyPart)]
/// struct TaskId(u64);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a cache key",
    label = "this parameter is part of the key",
    note = "leave it out with `skip(..)`, name a field of it in `key = \"{{..}}\"`, or add `#[derive(KeyPart)]` to the type",
    note = "floats have no canonical text: pass an integer (cents, milliseconds) instead"
)]
pub trait KeyPart {
    /// Writes this value's text.
    fn write(&self, key: &mut KeyWriter<'_>);
}

macro_rules! integers {
    ($($ty:ty)*) => {$(
        impl KeyPart for $ty {
            #[inline(always)]
            fn write(&self, key: &mut KeyWriter<'_>) {
                key.integer(*self, self.to_le_bytes(), <$ty>::MIN != 0);
            }
        }
        impl KeyPart for std::num::NonZero<$ty> {
            fn write(&self, key: &mut KeyWriter<'_>) {
                self.get().write(key);
            }
        }
    )*};
}
integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl KeyPart for str {
    #[inline(always)]
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.name(self);
    }
}

impl KeyPart for String {
    #[inline(always)]
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.name(self);
    }
}

impl KeyPart for bool {
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.name(if *self { "true" } else { "false" });
    }
}

impl KeyPart for char {
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.name(self.encode_utf8(&mut [0; 4]));
    }
}

/// Whole nanoseconds.
impl KeyPart for std::time::Duration {
    fn write(&self, key: &mut KeyWriter<'_>) {
        self.as_nanos().write(key);
    }
}

macro_rules! displayed {
    ($($ty:ty)*) => {$(
        impl KeyPart for $ty {
            fn write(&self, key: &mut KeyWriter<'_>) {
                key.display(self);
            }
        }
    )*};
}
displayed!(std::net::IpAddr std::net::Ipv4Addr std::net::Ipv6Addr std::net::SocketAddr);

impl<T: KeyPart> KeyPart for Option<T> {
    #[inline(always)]
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.option(self.as_ref());
    }
}

impl<T: KeyPart> KeyPart for [T] {
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.list(|list| self.iter().for_each(|value| list.part(value)));
    }
}

impl<T: KeyPart, const N: usize> KeyPart for [T; N] {
    fn write(&self, key: &mut KeyWriter<'_>) {
        self.as_slice().write(key);
    }
}

impl<T: KeyPart> KeyPart for Vec<T> {
    fn write(&self, key: &mut KeyWriter<'_>) {
        self.as_slice().write(key);
    }
}

impl<T: KeyPart> KeyPart for std::collections::BTreeSet<T> {
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.list(|list| self.iter().for_each(|value| list.part(value)));
    }
}

macro_rules! pointers {
    ($($ty:ty)*) => {$(
        impl<T: KeyPart + ?Sized> KeyPart for $ty {
            #[inline(always)]
            fn write(&self, key: &mut KeyWriter<'_>) {
                (**self).write(key);
            }
        }
    )*};
}
pointers!(&T Box<T> Arc<T> Rc<T>);

impl<T: KeyPart + ToOwned + ?Sized> KeyPart for Cow<'_, T> {
    fn write(&self, key: &mut KeyWriter<'_>) {
        (**self).write(key);
    }
}

impl KeyPart for () {
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.tuple(|_| {});
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: KeyPart),+> KeyPart for ($($name,)+) {
            fn write(&self, key: &mut KeyWriter<'_>) {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                key.tuple(|tuple| { $(tuple.part($name);)+ });
            }
        }
    };
}
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);

#[cfg(feature = "uuid")]
impl KeyPart for uuid::Uuid {
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.name(self.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
    }
}

#[cfg(feature = "chrono")]
mod chrono {
    use super::{KeyPart, KeyWriter};
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

    /// The instant, whatever the zone: seconds since the Unix epoch, `.`, nanoseconds.
    impl<Tz: TimeZone> KeyPart for DateTime<Tz> {
        fn write(&self, key: &mut KeyWriter<'_>) {
            self.timestamp().write(key);
            key.text(".");
            self.timestamp_subsec_nanos().write(key);
        }
    }

    /// The local time as if it were UTC: seconds since the Unix epoch, `.`, nanoseconds.
    impl KeyPart for NaiveDateTime {
        fn write(&self, key: &mut KeyWriter<'_>) {
            self.and_utc().write(key);
        }
    }

    displayed!(NaiveDate NaiveTime);
}

#[cfg(feature = "time")]
mod time {
    use super::{KeyPart, KeyWriter};
    use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

    /// The instant, whatever the offset: nanoseconds since the Unix epoch.
    impl KeyPart for OffsetDateTime {
        fn write(&self, key: &mut KeyWriter<'_>) {
            self.unix_timestamp_nanos().write(key);
        }
    }

    /// The local time as if it were UTC: nanoseconds since the Unix epoch.
    impl KeyPart for PrimitiveDateTime {
        fn write(&self, key: &mut KeyWriter<'_>) {
            self.assume_utc().write(key);
        }
    }

    displayed!(Date Time);
}
