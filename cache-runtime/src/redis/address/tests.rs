use super::{Address, Kind};

fn parse(url: &str) -> Result<Address, String> {
    Address::parse(url, "CACHE_URL", None).map_err(|error| error.to_string())
}

fn hosts(url: &str) -> Vec<String> {
    let address = parse(url).unwrap_or_else(|error| panic!("{error}"));
    address.hosts.iter().map(|(host, port)| format!("{host} {port}")).collect()
}

fn user(address: &Address) -> (Option<&str>, Option<&str>, i64) {
    let settings = address.manner.info.redis_settings();
    (settings.username(), settings.password(), settings.db())
}

#[test]
fn one_server_is_one() {
    let address = parse("redis://shop:se%2Fcret@127.0.0.1:7000/3").expect("good");
    assert!(matches!(address.kind, Kind::Server));
    assert_eq!(user(&address), (Some("shop"), Some("se/cret"), 3));
    assert_eq!(address.hosts, [("127.0.0.1".to_owned(), 7000)]);
    for url in ["valkey://one", "unix:///tmp/socket", "redis+unix:///tmp/socket?db=1"] {
        assert!(matches!(parse(url).expect(url).kind, Kind::Server), "{url}");
    }
    let error = parse("redis://me:hunter2@one,two").err().expect("which one?");
    assert!(error.contains("redis+cluster://") && !error.contains("hunter2"), "{error}");
}

#[cfg(feature = "cluster")]
#[test]
fn a_cluster_is_some_of_its_servers() {
    let address = parse("redis+cluster://shop:sec,ret@one:7000,[::1]:7001,two").expect("good");
    assert!(matches!(address.kind, Kind::Cluster));
    assert_eq!(user(&address), (Some("shop"), Some("sec,ret"), 0));
    assert_eq!(hosts("valkey+cluster://one:7000,[::1]:7001,two/"), ["one 7000", "::1 7001", "two 6379"]);
    for url in
        ["redis+cluster://one/1", "redis+cluster://one?x=1", "redis+cluster://", "redis+cluster://one,,two"]
    {
        assert!(parse(url).is_err(), "{url}");
    }
}

#[cfg(feature = "sentinel")]
#[test]
fn sentinels_know_a_master_by_name() {
    let url =
        "redis+sentinel://shop:secret@one,two:1/my%20master/2?sentinel_user=who&sentinel_password=a%26b";
    assert_eq!(hosts(url), ["one 26379", "two 1"]);
    let address = parse(url).expect("good");
    assert_eq!(user(&address), (Some("shop"), Some("secret"), 2));
    let Kind::Sentinels { master, user, password } = address.kind else { panic!("of sentinels") };
    assert_eq!((&*master, user.as_deref(), password.as_deref()), ("my master", Some("who"), Some("a&b")));
    for url in ["redis+sentinel://one", "redis+sentinel://one/", "redis+sentinel://one/m?password=hunter2"] {
        let error = parse(url).err().expect(url);
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[cfg(all(feature = "cluster", feature = "sentinel"))]
#[test]
fn several_urls_become_one() {
    let joined =
        |kind, urls: [&str; 2], master| super::joined(kind, urls, master).map_err(|error| error.to_string());
    let urls = ["redis://shop:secret@one:1/", "redis://shop:secret@two:2"];
    assert_eq!(joined("cluster", urls, "").as_deref(), Ok("redis+cluster://shop:secret@one:1,two:2"));
    let urls = ["rediss://:secret@one/2?sentinel_password=x", "rediss://:secret@two/2?sentinel_password=x"];
    let expected = "rediss+sentinel://:secret@one,two/my%20master/2?sentinel_password=x";
    assert_eq!(joined("sentinel", urls, "my master").as_deref(), Ok(expected));
    for urls in [
        ["redis://shop:secret@one", "redis://shop:hunter2@two"],
        ["redis://one", "rediss://two"],
        ["redis://:hunter2@one", "redis://two"],
        ["redis://one", "redis://two/1"],
        ["redis://one", "redis://two,three"],
    ] {
        let error = joined("cluster", urls, "").expect_err("they differ");
        assert_eq!(error, "redis urls differ in more than their hosts");
    }
    let none: [&str; 0] = [];
    let url = super::joined("cluster", none, "").expect("they do not differ");
    assert!(parse(&url).is_err(), "{url}");
}

#[cfg(not(all(feature = "cluster", feature = "sentinel", feature = "tls")))]
#[test]
fn what_the_program_was_built_without_is_told() {
    let wanted = [
        ("cluster", cfg!(feature = "cluster"), "redis+cluster://:hunter2@one"),
        ("sentinel", cfg!(feature = "sentinel"), "redis+sentinel://:hunter2@one/master"),
        ("tls", cfg!(feature = "tls"), "rediss://:hunter2@one"),
    ];
    for (feature, built, url) in wanted {
        if !built {
            let error = parse(url).err().expect(url);
            assert!(error.contains(&format!("`{feature}`")) && !error.contains("hunter2"), "{error}");
        }
    }
}
