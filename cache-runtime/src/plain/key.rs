//! What plain operations name their entries by.

use crate::error::StoreError;
use crate::key::{KeyBuf, KeyPart, KeyWriter};

/// The name of an entry that no function owns: a namespace, `:`, and anything.
///
/// A text, `"sessions:42"`, is the name as it stands; its namespace is what comes before the first `:`. A pair, `("sessions", id)`, is
/// a namespace and any [`KeyPart`], written as in the keys of functions: different ids never give one name. A namespace consists of
/// `a-z 0-9 _ - .` and is not `cache`.
///
/// # Examples
/// ```
/// # use cache_runtime::{Cache, Policy};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), cache_runtime::StoreError> {
/// let cache = Cache::in_process();
/// cache.set(("sessions", "a:b"), &1, Policy::SHORT).await?;
/// assert_eq!(cache.get::<i32>("sessions:a%3Ab").await?, Some(1));
/// assert!(cache.get::<i32>("Sessions:a").await.is_err());
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name an entry",
    note = "name it by a text, `\"sessions:42\"`, or by a namespace and a part, `(\"sessions\", id)`"
)]
pub trait PlainKey {
    /// Writes the whole name.
    fn write(&self, key: &mut KeyWriter<'_>);
}

impl PlainKey for str {
    fn write(&self, key: &mut KeyWriter<'_>) {
        literal(self, key);
    }
}

impl PlainKey for String {
    fn write(&self, key: &mut KeyWriter<'_>) {
        literal(self, key);
    }
}

impl<N: AsRef<str>, K: KeyPart> PlainKey for (N, K) {
    fn write(&self, key: &mut KeyWriter<'_>) {
        literal(self.0.as_ref(), key);
        key.text(":");
        key.part(&self.1);
    }
}

impl<T: PlainKey + ?Sized> PlainKey for &T {
    fn write(&self, key: &mut KeyWriter<'_>) {
        (**self).write(key);
    }
}

/// Text as it stands, without what means something in every name: a cluster hashes what is in braces, and `#` ends what was shortened.
pub(super) fn literal(text: &str, key: &mut KeyWriter<'_>) {
    for part in text.split_inclusive(['{', '}', '#']) {
        let escaped = match part.as_bytes().last() {
            Some(b'{') => "%7B",
            Some(b'}') => "%7D",
            Some(b'#') => "%23",
            _ => {
                key.text(part);
                continue;
            }
        };
        key.text(&part[..part.len() - 1]);
        key.text(escaped);
    }
}

/// A name that was written, and found to be one.
pub(super) struct Name {
    pub(super) key: KeyBuf,
    pub(super) namespace: String,
}

impl Name {
    pub(super) fn of(name: &(impl PlainKey + ?Sized)) -> Result<Self, StoreError> {
        let mut key = KeyBuf::new();
        name.write(&mut KeyWriter::new(&mut key));
        key.finish();
        let namespace = key.written().split(|&byte| byte == b':').next().unwrap_or_default();
        let namespace = namespace_of(namespace).ok_or(StoreError::IllegalKey)?.to_owned();
        Ok(Self { key, namespace })
    }
}

/// The namespace that `text` is, if it is one.
pub(super) fn namespace_of(text: &[u8]) -> Option<&str> {
    let legal = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(byte);
    // Without an application's name, what the library keeps for itself would begin with it.
    let is_one = !text.is_empty() && text != b"cache" && text.iter().all(legal);
    std::str::from_utf8(text).ok().filter(|_| is_one)
}

#[cfg(test)]
mod tests {
    use super::Name;
    use crate::error::StoreError;

    fn name(key: impl super::PlainKey) -> Result<(String, String), StoreError> {
        let Name { key, namespace } = Name::of(&key)?;
        Ok((namespace, String::from_utf8(key.written().to_vec()).expect("text stays text")))
    }

    #[test]
    fn a_text_stands_as_it_is_and_stays_in_its_slot() {
        for (text, namespace, written) in [
            ("sessions:42", "sessions", "sessions:42"),
            ("sessions:a%3Ab:*[x]?\\", "sessions", "sessions:a%3Ab:*[x]?\\"),
            ("sessions:{a}{#", "sessions", "sessions:%7Ba%7D%7B%23"),
            ("sessions:", "sessions", "sessions:"),
            ("config", "config", "config"),
            ("s:ünï", "s", "s:ünï"),
        ] {
            assert_eq!(name(text), Ok((namespace.to_owned(), written.to_owned())));
        }
    }

    #[test]
    fn a_typed_part_is_escaped() {
        assert_eq!(name(("sessions", "a:{b}")).expect("legal").1, "sessions:a%3A%7Bb%7D");
        assert_eq!(name(("sessions", (7, ""))).expect("legal").1, "sessions:(7,%)");
        assert_eq!(
            name(("rates:v2", Some(7))).expect("legal"),
            ("rates".to_owned(), "rates:v2:7".to_owned())
        );
    }

    #[test]
    fn what_begins_with_no_namespace_is_refused() {
        for text in ["", ":42", "Sessions:42", "a b:1", "{a}:1", "a*:1", "cache:guard:shop", "ä:1"] {
            assert_eq!(name(text), Err(StoreError::IllegalKey), "{text}");
        }
    }
}
