//! What can go wrong, and what the caller of the API is told about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cache_runtime::{StoreError, WriteError};
use serde_json::json;
use sqlx::error::ErrorKind;

/// Any failure of the API.
///
/// It is `Clone`, so callers who wait for the same load share its error instead of repeating the query.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such row.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The request cannot be understood or breaks a rule.
    #[error("{1}")]
    Refused(StatusCode, Arc<str>),
    /// The request contradicts what is stored.
    #[error("{0}")]
    Conflict(&'static str),
    /// The database failed; the text goes to the log, never to the caller.
    #[error("database: {0}")]
    Database(Arc<sqlx::Error>),
    /// The cache was asked for something by name, and could not do it.
    #[error("cache: {0}")]
    Cache(#[from] StoreError),
    /// What is written behind could not be taken.
    #[error("{0}")]
    Behind(#[from] WriteError),
    /// A request's task ended before its answer.
    #[error("{0}")]
    Panicked(Arc<str>),
}

impl Error {
    /// The request is wrong, for this reason.
    #[must_use]
    pub fn invalid(reason: &str) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, reason.into())
    }

    /// The endpoint exists, for other methods.
    pub(crate) fn wrong_method() -> Self {
        Self::Refused(StatusCode::METHOD_NOT_ALLOWED, "this endpoint does not know that method".into())
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Refused(status, _) => *status,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Cache(StoreError::IllegalKey | StoreError::NoApplication) => StatusCode::BAD_REQUEST,
            Self::Cache(_) | Self::Behind(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) | Self::Panicked(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().map(sqlx::error::DatabaseError::kind) {
            Some(ErrorKind::ForeignKeyViolation) => {
                Self::Conflict("refers to something that does not exist, or is still referred to")
            }
            Some(ErrorKind::UniqueViolation) => Self::Conflict("exists already"),
            _ => Self::Database(Arc::new(error)),
        }
    }
}

/// What an extractor refuses, in this API's words.
macro_rules! refused {
    ($($rejection:ty),+) => {
        $(impl From<$rejection> for Error {
            fn from(rejection: $rejection) -> Self {
                let status = match rejection.status() {
                    StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                    status => status,
                };
                Self::Refused(status, rejection.body_text().into())
            }
        })+
    };
}

refused!(PathRejection, QueryRejection, JsonRejection);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let reason = match &self {
            Self::Database(_) | Self::Panicked(_) => {
                eprintln!("tasks-api: {self}");
                "internal error".to_owned()
            }
            told => told.to_string(),
        };
        (self.status(), Json(json!({ "error": reason }))).into_response()
    }
}
