//! `shardctl packing-summary` on 5,000 nodes and 50,000 pods, beside the least that reading them takes.
//!
//! Whole processes in turn, round after round, against a server in this process that makes up the pages:
//!
//! * `summary`: the binary;
//! * `bare`: this program again, reading the same lists at once over one HTTP/2 connection by the same client, each page's body
//!   whole, in the form that `summary` asks for (protocol buffers where the kind has them), and dropping it;
//! * `as JSON`: as `bare`, with all of it as JSON.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures::future::join_all;
use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use shardctl::cluster::connect::{Target, connect};

use crate::cluster::large::{JSON, Large, Size};
use crate::sides::{ratio, run, table};

const SIZE: Size = Size {
    nodes: 5000,
    shards: 1000,
    whole: true,
};

/// Compares, and prints.
pub fn compare() {
    let rounds: usize = std::env::var("SHARDCTL_BENCH_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5);
    let server = Large::start(SIZE);
    let home = tempfile::tempdir().unwrap();
    let kubeconfig = server.kubeconfig(home.path());
    let shardctl = env!("CARGO_BIN_EXE_shardctl");
    let itself = std::env::current_exe().unwrap();
    let command = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("HOME", home.path())
            .env("KUBECONFIG", &kubeconfig)
            .current_dir(home.path())
            .stdin(Stdio::null());
        command
    };
    let summary = ["packing-summary", "-o", "json"];
    run(&mut command(Path::new(shardctl), &summary));
    let asked = server.lists();
    let lists = |all_json: bool| {
        let form = |form: &'static str| if all_json { JSON } else { form };
        let pairs = asked.iter().flat_map(|(list, of)| [form(of), list.as_str()]);
        std::iter::once("bare").chain(pairs).collect::<Vec<_>>()
    };
    let (bare, as_json) = (lists(false), lists(true));
    // The server makes each page once.
    run(&mut command(&itself, &as_json));
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..rounds {
        times[0].push(run(&mut command(Path::new(shardctl), &summary)));
        times[1].push(run(&mut command(&itself, &bare)));
        times[2].push(run(&mut command(&itself, &as_json)));
    }
    println!(
        "{} nodes, {} pods, {} shards, {rounds} rounds, whole processes, milliseconds: median (least to most)",
        SIZE.nodes,
        SIZE.nodes * 10,
        SIZE.shards
    );
    table(&["summary", "bare", "as JSON"], &times, 0);
    ratio("summary / bare paged reads", &times[0], &times[1]);
    ratio("summary / bare paged reads as JSON", &times[0], &times[2]);
    for (name, of) in [
        ("summary", [&["memory", shardctl][..], &summary].concat()),
        ("bare", {
            let itself = itself.to_str().unwrap();
            [&["memory", itself][..], &bare].concat()
        }),
    ] {
        let output = command(&itself, &of).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        print!("{name}, resident at most: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Reads the lists, and throws away what came back.
pub fn bare(lists: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let target = Target {
            request_timeout: Duration::from_secs(30),
            ..Target::default()
        };
        let connection = connect(&target).await.unwrap();
        join_all(lists.chunks(2).map(|of| pages(connection.client(), &of[0], &of[1]))).await;
    });
    runtime.shutdown_background();
}

/// Every page of a list, in a form. The next one's token is cut out of the bytes, not read.
async fn pages(client: &kube::Client, form: &str, list: &str) {
    let mut token = String::new();
    loop {
        let request = Request::get(format!("{list}&limit=500{token}")).header("Accept", form);
        let answer = client.send(request.body(Body::empty()).unwrap()).await.unwrap();
        let mut body = Vec::new();
        let mut pieces = answer.into_body();
        while let Some(piece) = pieces.frame().await {
            body.extend_from_slice(&piece.unwrap().into_data().unwrap());
        }
        match more(&body, form) {
            "" => return,
            more => token = format!("&continue={more}"),
        }
    }
}

fn more<'b>(body: &'b [u8], form: &str) -> &'b str {
    let after = |mark: &[u8]| {
        let at = body.windows(mark.len()).position(|window| window == mark).unwrap();
        &body[at + mark.len()..]
    };
    let token = if form == JSON {
        after(br#""continue":""#).split(|byte| *byte == b'"').next().unwrap()
    } else {
        // The version of the list (field 2), then the token (field 3) with its length before it.
        let (length, rest) = after(b"\x12\x017\x1a").split_first().unwrap();
        &rest[..usize::from(*length)]
    };
    std::str::from_utf8(token).unwrap()
}
