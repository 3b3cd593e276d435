//! `rediss://`: who is trusted, and as whom one comes.

use super::{PATIENCE, protocol, unready};
use cache_runtime::{Cache, ConfigError, Tls};
use cache_tests::certificates::Certificates;
use cache_tests::redis_cluster::RedisCluster;
use cache_tests::redis_process::{RedisServer, free_port};
use std::time::Duration;

/// A server that speaks TLS on a port of its own.
fn server(certificates: &Certificates, clients: bool) -> (RedisServer, String) {
    let port = free_port();
    let options = certificates.options(port, clients);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    (RedisServer::with(&options), format!("rediss://127.0.0.1:{port}/"))
}

fn build(url: &str, tls: Tls) -> Result<Cache, ConfigError> {
    Cache::builder().redis(url).tls(tls).build()
}

fn trusting(certificates: &Certificates) -> Tls {
    Tls::default().authority(certificates.text("ca.pem"))
}

#[tokio::test]
async fn the_protocol_runs_over_tls() {
    let certificates = Certificates::new();
    let (_server, url) = server(&certificates, false);
    let cache = || build(&url, trusting(&certificates)).expect("a good configuration");
    protocol(&cache(), &cache()).await;
}

#[tokio::test]
async fn the_protocol_runs_over_a_cluster_by_tls() {
    let certificates = Certificates::new();
    let (cluster, ports) = RedisCluster::secure(3, &certificates);
    let cache = |port: &u16| {
        let url = format!("rediss+cluster://127.0.0.1:{port}");
        build(&url, trusting(&certificates)).expect("a good configuration")
    };
    protocol(&cache(&ports[0]), &cache(&ports[1])).await;
    for server in &cluster.servers {
        assert_ne!(server.cli(&["DBSIZE"]), "0", "each has its part");
    }
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_spoken_to() {
    let (certificates, other) = (Certificates::new(), Certificates::new());
    let (_server, url) = server(&certificates, false);
    for tls in [trusting(&other), Tls::default()] {
        let cache = build(&url, tls).expect("what it trusts is not known to be wrong yet");
        unready(&cache, "certificate").await;
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_it() {
    let (certificates, other) = (Certificates::new(), Certificates::new());
    let (_server, url) = server(&certificates, true);
    let come_as = |who: &Certificates| {
        let tls = trusting(&certificates).client(who.text("client.pem"), who.text("client.key"));
        build(&url, tls).expect("a good configuration")
    };
    come_as(&certificates).ready(PATIENCE).await.expect("it is let in");
    protocol(&come_as(&certificates), &come_as(&certificates)).await;
    let strangers = [come_as(&other), build(&url, trusting(&certificates)).expect("a good configuration")];
    for stranger in strangers {
        stranger.ready(Duration::from_millis(500)).await.expect_err("it is not let in");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_no_panic() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "rediss://");
    let cache = build(&url, Tls::default()).expect("a good configuration");
    cache.ready(Duration::from_millis(500)).await.expect_err("it speaks something else");
}

#[tokio::test]
async fn what_cannot_be_used_is_told_at_once() {
    let (certificates, other) = (Certificates::new(), Certificates::new());
    let error = |url: &str, tls: Tls| build(url, tls).expect_err("it cannot work").to_string();
    let url = "rediss://me:hunter2@127.0.0.1:1/";
    assert_eq!(error(url, Tls::default().authority("none")), "tls authority has no certificate in PEM");
    let pem = certificates.text("client.pem");
    assert_eq!(error(url, Tls::default().client(pem.as_str(), "")), "tls key has no private key in PEM");
    let foreign = error(url, Tls::default().client(pem.as_str(), other.text("client.key")));
    assert!(foreign.starts_with("tls key cannot be used: "), "{foreign}");
    let unused = error("redis://127.0.0.1:1/", trusting(&certificates));
    assert_eq!(unused, "tls authority is set, and the url is not `rediss://`");
    let insecure = error(&format!("{url}#insecure"), Tls::default());
    assert!(insecure.contains("certificates are checked") && !insecure.contains("hunter2"), "{insecure}");
}
