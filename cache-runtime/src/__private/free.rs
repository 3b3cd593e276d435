//! What expansions name, as free items: for a name that a type has, the compiler looks through all the traits in scope.

use crate::catalog::{Function, Place};
use crate::key::KeyPart;
use crate::policy::Policy;
use crate::site::Site;
use std::panic::Location;
use std::time::Duration;

/// A site with the default of every option.
#[must_use]
pub const fn site(
    namespace: &'static str,
    function: &'static str,
    head: &'static str,
    template: &'static [&'static str],
) -> Site {
    Site::new(namespace, function, head).template(template)
}

/// One part of a key.
///
/// What it returns is known only of a [`KeyPart`]: the compiler does not say of all the parts what it has said of one.
#[inline]
#[must_use]
pub fn part<T: AsPart + ?Sized>(value: &T) -> T::Part<'_> {
    value.as_part()
}

/// A [`KeyPart`], as a part of a key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a cache key",
    label = "this parameter is part of the key",
    note = "leave it out with `skip(..)`, name a field of it in `key = \"{{..}}\"`, or add `#[derive(KeyPart)]` to the type",
    note = "floats have no canonical text: pass an integer (cents, milliseconds) instead"
)]
pub trait AsPart {
    /// What it is then.
    type Part<'a>
    where
        Self: 'a;
    /// The same.
    fn as_part(&self) -> Self::Part<'_>;
}

impl<T: KeyPart + ?Sized> AsPart for T {
    type Part<'a>
        = &'a T
    where
        T: 'a;

    #[inline]
    fn as_part(&self) -> &T {
        self
    }
}

/// The catalogue's entry of a function.
#[must_use]
pub const fn function(
    site: &'static Site,
    key: &'static str,
    place: Place,
    value: &'static str,
    ttl: &'static str,
) -> Function {
    Function::new(site, key, place).holds(value, ttl)
}

/// A place in `module`.
#[must_use]
pub const fn place(
    within: fn() -> &'static str,
    module: &'static str,
    location: &'static Location<'static>,
) -> Place {
    Place::new(within, module, location)
}

/// Seconds, and nanoseconds of another.
#[must_use]
pub const fn duration(seconds: u64, nanos: u32) -> Duration {
    Duration::new(seconds, nanos)
}

/// Fresh for a duration, then gone.
#[must_use]
pub const fn fresh_for(duration: Duration) -> Policy {
    Policy::fresh_for(duration)
}

/// Where nothing comes, of the type that a body returns.
///
/// # Panics
/// Always.
#[must_use]
pub fn never<T>() -> T {
    unreachable!("nothing comes here")
}

macro_rules! named {
    ($($name:ident)*) => {$(
        #[doc = concat!("[`Policy::", stringify!($name), "`].")]
        pub const $name: Policy = Policy::$name;
    )*};
}
named!(SHORT MEDIUM LONG VERY_LONG DAY WEEK MONTH NEVER);
