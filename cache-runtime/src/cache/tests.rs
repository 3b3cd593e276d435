use super::{Cache, CacheBuilder};
use crate::local::Capacity;
use crate::policy::Policy;
use std::time::Duration;

fn from_vars(vars: &[(&str, &str)]) -> Result<CacheBuilder, crate::ConfigError> {
    CacheBuilder::from_vars(vars.iter().map(|(name, value)| (name.into(), value.into())))
}

#[test]
fn without_variables_the_cache_is_in_process() {
    let cache = from_vars(&[]).and_then(CacheBuilder::build).expect("nothing can be wrong");
    assert_eq!(cache.engine.app, "");
    let builder =
        from_vars(&[("CACHE_APP", "shop"), ("CACHE_LOCAL_MIB", "8"), ("CACHE_URL", "")]).expect("good");
    assert_eq!((builder.app.as_str(), builder.local), ("shop", Capacity::mib(8)));
}

#[test]
fn a_variable_says_how_long_a_namespace_is_fresh() {
    let settings =
        from_vars(&[("CACHE_TTL_TASKS", "2m"), ("CACHE_TTL_MY_TASKS", "never")]).expect("good").settings;
    let two_minutes = Policy::fresh_for(Duration::from_secs(120));
    assert_eq!(settings.policy("tasks", Policy::LONG), two_minutes);
    assert_eq!(settings.policy("my_tasks", Policy::LONG), Policy::NEVER);
    assert_eq!(settings.policy("other", Policy::LONG), Policy::LONG);
    let stale = Duration::from_secs(9);
    assert_eq!(settings.policy("tasks", Policy::LONG.stale_for(stale)), two_minutes.stale_for(stale));
}

#[test]
fn a_wrong_variable_is_named_with_its_value() {
    let error = |vars: &[(&str, &str)]| {
        from_vars(vars).and_then(CacheBuilder::build).expect_err("it is wrong").to_string()
    };
    assert_eq!(error(&[("CACHE_LOCAL_MIB", "lots")]), "CACHE_LOCAL_MIB is `lots`, not a whole number of MiB");
    assert_eq!(
        error(&[("CACHE_TTL_TASKS", "5")]),
        "CACHE_TTL_TASKS is `5`, not a length of time such as `90s` or `1h30m`, nor one of: short, medium, long, very_long, day, week, \
         month, never"
    );
    assert_eq!(
        error(&[("CACHE_APP", "My Shop")]),
        "CACHE_APP is `My Shop`, with a character other than a-z, 0-9, `_`, `-` and `.`"
    );
}

#[cfg(feature = "redis")]
#[test]
fn a_wrong_url_is_named_without_its_password() {
    for url in [
        "http://me:hunter2@localhost",
        "redis://me:hunter2@localhost:port",
        "redis://me:hunter2@host:1/db/db",
        "redis://:hunter2@localhost:99999999",
        "unix:///tmp/x?pass=hunter2&db=x",
        "me:hunter2@localhost",
        "redis://me:hun@ter2@localhost:99999999",
    ] {
        let error =
            from_vars(&[("CACHE_URL", url)]).and_then(CacheBuilder::build).expect_err(url).to_string();
        assert!(error.starts_with("CACHE_URL is `"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("ter2"), "{error}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn files_of_certificates_are_named_by_their_variables() {
    let error = |vars: &[(&str, &str)]| {
        from_vars(vars).and_then(CacheBuilder::build).expect_err("it is wrong").to_string()
    };
    let url = ("CACHE_URL", "rediss://:hunter2@localhost");
    let missing = error(&[url, ("CACHE_TLS_CA", "/no/such/file")]);
    assert!(missing.starts_with("CACHE_TLS_CA is `/no/such/file`: "), "{missing}");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert_eq!(error(&[url, ("CACHE_TLS_CA", manifest)]), "CACHE_TLS_CA has no certificate in PEM");
    assert_eq!(error(&[url, ("CACHE_TLS_KEY", manifest)]), "CACHE_TLS_KEY is set without its certificate");
    assert_eq!(error(&[url, ("CACHE_TLS_CERT", manifest)]), "CACHE_TLS_CERT is set without its key");
    let plain = error(&[("CACHE_URL", "redis://localhost"), ("CACHE_TLS_CA", manifest)]);
    assert_eq!(plain, "CACHE_TLS_CA is set, and the url is not `rediss://`");
}

#[test]
fn one_cache_is_installed_for_a_process() {
    let (one, other) = (Cache::in_process(), Cache::in_process());
    one.install();
    one.install();
    assert!(other.try_install().is_err());
}
