use cache_tests::proxy::{Direction, Proxy};
use cache_tests::wait::{until, within};
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SHORT: Duration = Duration::from_millis(100);

/// A server that sends back what it gets, behind a proxy.
async fn echo() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    Proxy::to(port).await
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap()
}

async fn round_trip(stream: &mut TcpStream, text: &str) -> Duration {
    let begin = Instant::now();
    stream.write_all(text.as_bytes()).await.unwrap();
    expect(stream, text).await;
    begin.elapsed()
}

async fn expect(stream: &mut TcpStream, text: &str) {
    let mut answer = vec![0; text.len()];
    within(format!("the answer {text}"), stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), text);
}

async fn assert_silent(stream: &mut TcpStream) {
    let read = tokio::time::timeout(SHORT, stream.read_u8()).await;
    assert!(read.is_err(), "an answer where none should be: {read:?}");
}

#[tokio::test]
async fn bytes_pass_and_connections_are_counted() {
    let proxy = echo().await;
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    round_trip(&mut one, "one").await;
    round_trip(&mut other, "other").await;
    assert_eq!((proxy.accepted(), proxy.open()), (2, 2));
    one.shutdown().await.unwrap();
    assert_eq!(one.read(&mut [0]).await.unwrap(), 0);
    until("the connection's end", async || proxy.open() == 1).await;
    assert_eq!(proxy.accepted(), 2);
}

#[tokio::test]
async fn latency_delays_and_keeps_the_order() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    stream.set_nodelay(true).unwrap();
    proxy.set_latency(Duration::from_millis(40), Duration::from_millis(20));
    assert!(round_trip(&mut stream, "late").await >= Duration::from_millis(80));
    for digit in ["1", "2", "3", "4", "5"] {
        stream.write_all(digit.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
    expect(&mut stream, "12345").await;
}

#[tokio::test]
async fn a_stall_keeps_the_bytes() {
    let proxy = echo().await;
    for direction in [Direction::ToServer, Direction::ToClient, Direction::Both] {
        let mut stream = connect(&proxy).await;
        round_trip(&mut stream, "before").await;
        proxy.stall(direction);
        stream.write_all(b"first ").await.unwrap();
        stream.write_all(b"second").await.unwrap();
        assert_silent(&mut stream).await;
        proxy.resume();
        expect(&mut stream, "first second").await;
    }
}

#[tokio::test]
async fn what_is_done_to_feeds_leaves_other_connections_alone() {
    let proxy = echo().await;
    let (mut feed, mut data) = (connect(&proxy).await, connect(&proxy).await);
    round_trip(&mut feed, "CLIENT TRACKING ON").await;
    proxy.stall_feed();
    feed.write_all(b"push").await.unwrap();
    assert_silent(&mut feed).await;
    round_trip(&mut data, "read").await;
    proxy.resume();
    expect(&mut feed, "push").await;
    proxy.set_feed_latency(Duration::from_millis(300));
    assert!(round_trip(&mut data, "read").await < Duration::from_millis(300));
    assert!(round_trip(&mut feed, "ping").await >= Duration::from_millis(600));
}

#[tokio::test]
async fn stalled_requests_do_not_come_through_when_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap().port()).await;
    proxy.stall(Direction::ToServer);
    let mut client = connect(&proxy).await;
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"kept back").await.unwrap();
    assert_silent(&mut server).await;
    proxy.reset_all();
    assert_eq!(server.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn half_open_connections_take_bytes_and_stay_silent() {
    let proxy = echo().await;
    let mut before = connect(&proxy).await;
    round_trip(&mut before, "before").await;
    proxy.half_open();
    let mut during = connect(&proxy).await;
    let much = vec![0; 8 << 20]; // more than socket buffers hold: somebody must read it
    for stream in [&mut before, &mut during] {
        within("the bytes are taken", stream.write_all(&much)).await.unwrap();
        assert_silent(stream).await;
    }
    proxy.resume();
    assert_silent(&mut before).await;
    assert_silent(&mut during).await;
    round_trip(&mut connect(&proxy).await, "after").await;
    proxy.reset_all();
    assert_eq!(before.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn refused_connections_are_accepted_again() {
    let proxy = echo().await;
    let mut before = connect(&proxy).await;
    round_trip(&mut before, "before").await;
    proxy.refuse().await;
    let refused = TcpStream::connect(("127.0.0.1", proxy.port())).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    round_trip(&mut before, "still there").await;
    proxy.accept().await;
    round_trip(&mut connect(&proxy).await, "again").await;
}

#[tokio::test]
async fn a_dropped_proxy_closes_everything() {
    let proxy = echo().await;
    let port = proxy.port();
    let mut stream = connect(&proxy).await;
    round_trip(&mut stream, "before").await;
    drop(proxy);
    assert_eq!(within("the end", stream.read(&mut [0])).await.unwrap(), 0);
    until("the port's end", async || TcpStream::connect(("127.0.0.1", port)).await.is_err()).await;
}
