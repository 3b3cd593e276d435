//! Responses of HTTP routes as entries: a tower layer, with the coherence of cached functions.
//!
//! The manual's page [`http`](crate::manual::http) says what is cached, and which part of RFC 9111 that is.

mod body;
mod condition;
mod control;
mod layer;
mod lookup;
mod route;
mod service;
mod status;
mod stored;
mod template;
mod terms;

pub use self::body::ResponseBody;
pub use self::layer::HttpCache;
pub use self::route::Route;
pub use self::service::HttpService;
