//! The bare side: the same requests to ports of this machine, each over a connection of its own; nothing is judged.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes.
const LIMIT: Duration = Duration::from_secs(30);

/// Asks every port about every key, and throws away what came back.
pub fn run(keys: usize, concurrency: usize, ports: &[u16]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let jobs = (0..keys).flat_map(|key| ports.iter().map(move |port| (key, *port)));
    runtime.block_on(
        stream::iter(jobs).for_each_concurrent(concurrency, |(key, port)| async move {
            let answer = timeout(LIMIT, ask(port, key)).await.expect("an answer in time");
            assert!(
                answer.starts_with(b"HTTP/1.1 200"),
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }),
    );
}

async fn ask(port: u16, key: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let request = format!("GET /?key=key-{key} HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Not until the connection ends: through a port-forward that takes a second longer.
    while !is_whole(&answer) {
        let read = stream.read_buf(&mut answer).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
    }
    answer
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.expect("a length").parse::<usize>().unwrap()
}
