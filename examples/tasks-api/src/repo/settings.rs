//! Visual settings: how a style looks.

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use crate::database::now_ms;
use crate::error::Error;
use crate::model::{Line, StyleName};

/// How a style looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct VisualSettings {
    /// The style's name.
    pub style: StyleName,
    /// Its colours.
    pub palette: String,
    /// Width to height, as `16:9`.
    pub aspect_ratio: String,
    /// Pictures in a second.
    pub frame_rate: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at: i64,
}

/// The queries over visual settings.
#[derive(Debug, Clone)]
pub struct VisualStyles {
    db: AnyPool,
}

impl VisualStyles {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// How one style looks.
    #[cached(ns = "settings", ttl = "very_long")]
    pub async fn get(&self, style: &StyleName) -> Result<Option<VisualSettings>, Error> {
        Ok(sqlx::query_as("SELECT * FROM visual_settings WHERE style = $1")
            .bind(style)
            .fetch_optional(&self.db)
            .await?)
    }

    /// Writes how a style looks.
    #[invalidates(Self::get(style))]
    pub async fn put(
        &self,
        style: &StyleName,
        palette: Line,
        aspect_ratio: Line,
        frame_rate: u16,
    ) -> Result<VisualSettings, Error> {
        let written = sqlx::query_as(
            "INSERT INTO visual_settings (style, palette, aspect_ratio, frame_rate, updated_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (style) DO UPDATE SET palette = excluded.palette, \
             aspect_ratio = excluded.aspect_ratio, frame_rate = excluded.frame_rate, \
             updated_at = excluded.updated_at RETURNING *",
        )
        .bind(style)
        .bind(palette)
        .bind(aspect_ratio)
        .bind(i64::from(frame_rate))
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(written)
    }

    /// Deletes a style.
    #[invalidates(Self::get(style))]
    pub async fn delete(&self, style: &StyleName) -> Result<(), Error> {
        let deleted =
            sqlx::query("DELETE FROM visual_settings WHERE style = $1").bind(style).execute(&self.db).await?;
        if deleted.rows_affected() == 0 { Err(Error::NotFound("visual settings")) } else { Ok(()) }
    }
}
