//! `#[derive(KeyPart)]`.

use cache_runtime::KeyPart;

#[derive(KeyPart)]
union Union {
    a: u8,
}

#[derive(KeyPart)]
enum Twins {
    HTTPError,
    HttpError,
}

#[derive(KeyPart)]
#[key(dispaly)]
struct Unknown(u8);

#[derive(KeyPart)]
#[key]
struct Empty(u8);

#[derive(KeyPart)]
struct OnField {
    #[key(display)]
    id: u8,
}

#[derive(KeyPart)]
struct Float(f64);

#[derive(KeyPart)]
#[key(display)]
struct NotShown(u8);

fn main() {}
