//! The numbers, names and words that identify things: these stand in URLs, in SQL and in cache keys.

use cache_runtime::KeyPart;
use serde::{Deserialize, Serialize};

/// A user's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct UserId(pub i64);

/// A task's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct TaskId(pub i64);

/// A conversation's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct ConversationId(pub i64);

/// A script's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct ScriptId(pub i64);

/// A storyboard's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct StoryboardId(pub i64);

/// A resource's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct ResourceId(pub i64);

/// A session's name, unique for its user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct SessionId(pub String);

/// An agent's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct AgentName(pub String);

/// A prompt template's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct PromptName(pub String);

/// A visual style's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart, sqlx::Type)]
#[sqlx(transparent)]
pub struct StyleName(pub String);

/// A line of text that says something: not blank, at most 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, sqlx::Type)]
#[serde(try_from = "String")]
#[sqlx(transparent)]
pub struct Line(String);

impl TryFrom<String> for Line {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.trim().is_empty() {
            Err("a line of text must not be blank")
        } else if text.chars().count() > 200 {
            Err("a line of text has at most 200 characters")
        } else {
            Ok(Self(text))
        }
    }
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for somebody.
    Open,
    /// Somebody works on it.
    InProgress,
    /// Finished.
    Done,
    /// Given up.
    Cancelled,
}

/// How urgent a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When there is time.
    Low,
    /// In its turn.
    Normal,
    /// Before the others.
    High,
}

/// How far a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStatus {
    /// Being written.
    Draft,
    /// Being read.
    InReview,
    /// Ready to be shot.
    Approved,
}

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// The still a scene begins with.
    FirstFrame,
    /// A rendered clip.
    Video,
    /// A voice or a score.
    Audio,
    /// Subtitles.
    Subtitles,
}

/// What is kept about a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, KeyPart)]
#[serde(rename_all = "snake_case")]
pub enum UserDataKind {
    /// Name, picture, language.
    Profile,
    /// Choices in the interface.
    Preferences,
    /// What the user may spend.
    Quota,
}

/// The database holds a word that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown {what} {word:?}")]
pub struct UnknownWord {
    what: &'static str,
    word: String,
}

/// The words of an enum in SQL.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// The word in the database and in URLs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl TryFrom<String> for $name {
            type Error = UnknownWord;

            fn try_from(word: String) -> Result<Self, UnknownWord> {
                match word.as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { what: stringify!($name), word }),
                }
            }
        }
    };
}

words!(Status { Open = "open", InProgress = "in_progress", Done = "done", Cancelled = "cancelled" });
words!(Priority { Low = "low", Normal = "normal", High = "high" });
words!(ScriptStatus { Draft = "draft", InReview = "in_review", Approved = "approved" });
words!(ResourceKind { FirstFrame = "first_frame", Video = "video", Audio = "audio", Subtitles = "subtitles" });
words!(UserDataKind { Profile = "profile", Preferences = "preferences", Quota = "quota" });
