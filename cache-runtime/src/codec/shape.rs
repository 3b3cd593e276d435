//! A number for the shape of a type as serde sees it: its names, fields and primitives.
//!
//! It is taken by letting the type deserialize itself from a source that answers every question and remembers what was
//! asked (the idea of `serde-reflection`). A type that rejects the dummy answers is told apart by what it asked until then.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};
use xxhash_rust::xxh3::Xxh3;

/// Deeper than this, options are empty and sequences have no elements, so that recursive types end.
const DEEPEST: u8 = 8;
/// What a type may ask before the trace ends.
const LONGEST: u32 = 4_096;

/// 24 bits that differ between types of different shape, and are the same in every process and build.
pub(crate) fn fingerprint<V: DeserializeOwned + 'static>() -> u32 {
    static KNOWN: LazyLock<RwLock<HashMap<TypeId, u32>>> = LazyLock::new(RwLock::default);
    let id = TypeId::of::<V>();
    if let Some(&known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return known;
    }
    let shape = trace::<V>();
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(id, shape);
    shape
}

fn trace<V: DeserializeOwned>() -> u32 {
    let mut questions = Questions { hash: Xxh3::new(), asked: 0 };
    // The dummy value, or the type's refusal of it, is of no interest.
    let _ = V::deserialize(Source { questions: &mut questions, depth: 0 });
    u32::try_from(questions.hash.digest() >> 40).unwrap_or(0)
}

struct Questions {
    hash: Xxh3,
    asked: u32,
}

struct Source<'q> {
    questions: &'q mut Questions,
    depth: u8,
}

impl Source<'_> {
    fn note(&mut self, what: &str) {
        self.questions.asked += 1;
        self.questions.hash.update(what.as_bytes());
        self.questions.hash.update(&[0xFF, self.depth]);
    }

    fn below(&mut self) -> Source<'_> {
        Source { questions: self.questions, depth: self.depth + 1 }
    }

    fn ends(&self) -> bool {
        self.depth >= DEEPEST || self.questions.asked >= LONGEST
    }
}

type Refused = de::value::Error;

macro_rules! primitives {
    ($($method:ident $visit:ident $($value:expr)?;)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
            self.note(stringify!($method));
            visitor.$visit($($value)?)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Source<'_> {
    type Error = Refused;

    primitives! {
        deserialize_any visit_unit;
        deserialize_ignored_any visit_unit;
        deserialize_unit visit_unit;
        deserialize_bool visit_bool false;
        deserialize_i8 visit_i8 0;
        deserialize_i16 visit_i16 0;
        deserialize_i32 visit_i32 0;
        deserialize_i64 visit_i64 0;
        deserialize_i128 visit_i128 0;
        deserialize_u8 visit_u8 0;
        deserialize_u16 visit_u16 0;
        deserialize_u32 visit_u32 0;
        deserialize_u64 visit_u64 0;
        deserialize_u128 visit_u128 0;
        deserialize_f32 visit_f32 0.0;
        deserialize_f64 visit_f64 0.0;
        deserialize_char visit_char '0';
        deserialize_str visit_str "";
        deserialize_string visit_str "";
        deserialize_identifier visit_str "";
        deserialize_bytes visit_bytes &[0; 16];
        deserialize_byte_buf visit_bytes &[0; 16];
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.note("option");
        if self.ends() { visitor.visit_none() } else { visitor.visit_some(self.below()) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note(name);
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note(name);
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.note("seq");
        let left = usize::from(!self.ends());
        visitor.visit_seq(Elements { source: self.below(), left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.note("tuple");
        visitor.visit_seq(Elements { source: self.below(), left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note(name);
        visitor.visit_seq(Elements { source: self.below(), left: len })
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.note("map");
        let left = usize::from(!self.ends());
        visitor.visit_map(Pairs { source: self.below(), left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note(name);
        visitor.visit_map(Fields { source: self.below(), names: fields })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note(name);
        for variant in variants {
            self.note(variant);
        }
        match variants.first() {
            Some(first) if !self.ends() => visitor.visit_enum(Variant { source: self.below(), name: first }),
            _ => Err(de::Error::custom("no variant")),
        }
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct Elements<'q> {
    source: Source<'q>,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        if self.left == 0 || self.source.questions.asked >= LONGEST {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.source.below()).map(Some)
    }
}

struct Pairs<'q> {
    source: Source<'q>,
    left: usize,
}

impl<'de> de::MapAccess<'de> for Pairs<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.source.below()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(self.source.below())
    }
}

struct Fields<'q> {
    source: Source<'q>,
    names: &'static [&'static str],
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        let Some((name, rest)) = self.names.split_first() else { return Ok(None) };
        self.names = rest;
        self.source.note(name);
        let name: StrDeserializer<'_, Refused> = (*name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(self.source.below())
    }
}

struct Variant<'q> {
    source: Source<'q>,
    name: &'static str,
}

impl<'de, 'q> de::EnumAccess<'de> for Variant<'q> {
    type Error = Refused;
    type Variant = Content<'q>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Content<'q>), Refused> {
        let name: StrDeserializer<'_, Refused> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.source)))
    }
}

struct Content<'q>(Source<'q>);

impl<'de> de::VariantAccess<'de> for Content<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        de::Deserializer::deserialize_tuple(self.0, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        de::Deserializer::deserialize_struct(self.0, "variant", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::trace;
    use serde::{Deserialize, Serialize};

    mod before {
        #[derive(serde::Deserialize)]
        #[expect(dead_code, reason = "only its shape matters")]
        pub(super) struct Task {
            id: u64,
            title: String,
        }
    }

    mod after {
        #[derive(serde::Deserialize)]
        #[expect(dead_code, reason = "only its shape matters")]
        pub(super) struct Task {
            id: u32,
            title: String,
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Tree {
        name: String,
        children: Vec<Tree>,
        parent: Option<Box<Tree>>,
    }

    #[test]
    fn a_changed_field_type_changes_the_shape() {
        assert_ne!(trace::<before::Task>(), trace::<after::Task>());
        assert_ne!(trace::<Option<before::Task>>(), trace::<before::Task>());
        assert_eq!(trace::<std::sync::Arc<before::Task>>(), trace::<before::Task>());
    }

    #[test]
    fn a_recursive_type_has_a_shape() {
        assert_ne!(trace::<Tree>(), trace::<Vec<Tree>>());
    }
}
