//! axum's extractors with this API's errors, and the parts that queries share.

use axum::extract::{FromRequest, FromRequestParts};
use serde::Deserialize;

use crate::error::Error;
use crate::model::TaskId;
use crate::repo::DEFAULT_LIMIT;

/// The parts of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Error))]
pub(super) struct Path<T>(pub(super) T);

/// The query of the URL.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Error))]
pub(super) struct Query<T>(pub(super) T);

/// The JSON of the body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Error))]
pub(super) struct Body<T>(pub(super) T);

/// How many rows to answer with: 1 to 100, 20 when it is not given.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
pub(super) struct Limit(pub(super) u32);

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_LIMIT)
    }
}

impl TryFrom<u32> for Limit {
    type Error = &'static str;

    fn try_from(limit: u32) -> Result<Self, &'static str> {
        if (1..=100).contains(&limit) { Ok(Self(limit)) } else { Err("limit must be between 1 and 100") }
    }
}

/// Numbers of tasks between commas, 1 to 100 of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Ids(pub(super) Vec<TaskId>);

impl TryFrom<String> for Ids {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let ids: Result<Vec<_>, _> = text.split(',').map(|id| id.trim().parse().map(TaskId)).collect();
        match ids {
            Ok(ids) if ids.len() <= 100 => Ok(Self(ids)),
            _ => Err("ids must be 1 to 100 numbers between commas"),
        }
    }
}
