//! A network that misbehaves: refused, reset, hanging, cut half-way, slow, somebody else's server, an untrusted
//! certificate, a proxy in between.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{kubeconfig, run, shards};
use crate::cluster::certificates::Authority;
use crate::cluster::{Network, Proxy, Scene};

/// Every command that asks the cluster, through a network like this, ends with 7 and these words.
#[track_caller]
fn all_refused(scene: &Scene<'_>, network: Network, words: &[&str]) {
    let proxy = Proxy::before(scene.plane());
    let url = proxy.url();
    let name = format!("{}.kubeconfig", url.replace(['/', ':'], "-"));
    let file = kubeconfig(scene, &name, |config| {
        config["clusters"][0]["cluster"]["server"] = json!(url);
    });
    proxy.set(network);
    for command in ["verify", "status", "snapshot"] {
        let ran = run(scene.shardctl_with(&file, [command, "--request-timeout", "1s"]));
        ran.refused(7, words);
        assert!(
            ran.stderr.contains(url.trim_start_matches("https://")),
            "the server isn't named: {}",
            ran.stderr
        );
    }
}

#[test]
fn a_server_that_is_stopped() {
    all_refused(
        &shards(),
        Network::Refuses,
        &[
            "failed to reach the API server",
            "connection refused",
            "kubectl config get-contexts",
        ],
    );
}

#[test]
fn a_server_that_resets_connections() {
    all_refused(&shards(), Network::Resets, &["API server"]);
}

#[test]
fn a_server_that_does_not_answer() {
    let start = Instant::now();
    all_refused(
        &shards(),
        Network::Hangs,
        &["no answer within 1 s", "--request-timeout", "kubectl get --raw /readyz"],
    );
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "each run ends soon after its second"
    );
}

#[test]
fn a_connection_that_is_dropped_half_way() {
    // In the handshake, before any answer.
    all_refused(&shards(), Network::CutsAfter(700), &["API server"]);
}

#[test]
fn a_connection_that_is_dropped_in_the_midst_of_the_lists_is_never_green() {
    let scene = shards();
    let proxy = Proxy::before(scene.plane());
    let file = kubeconfig(&scene, "cut-late.kubeconfig", |config| {
        config["clusters"][0]["cluster"]["server"] = json!(proxy.url());
    });
    for bytes in [2_200, 6_000, 20_000, 60_000] {
        proxy.set(Network::CutsAfter(bytes));
        let ran = run(scene.shardctl_with(&file, ["verify", "-o", "short", "--request-timeout", "2s"]));
        assert!([0, 7].contains(&ran.code), "{} {}{}", ran.code, ran.stdout, ran.stderr);
        assert!(!ran.stdout.contains("https://docs.rs"), "{}", ran.stdout);
        // Reads may be repeated over a new connection; what nobody could read may not be called healthy.
        assert_eq!(
            ran.code == 0,
            ran.stdout.contains("✓ healthy"),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
    }
}

#[test]
fn a_slow_server_is_waited_for() {
    let scene = shards();
    let proxy = Proxy::before(scene.plane());
    let file = kubeconfig(&scene, "slow.kubeconfig", |config| {
        config["clusters"][0]["cluster"]["server"] = json!(proxy.url());
    });
    proxy.set(Network::Delays(Duration::from_millis(30)));
    run(scene.shardctl_with(&file, ["status"])).says(0, &["UP"]);
}

#[test]
fn a_web_page_instead_of_kubernetes() {
    let page = |head: &str| {
        let body = "<!DOCTYPE html><title>Sign in \u{1b}]0;owned\u{7}\u{202e}\u{9b}31m</title>";
        let length = body.len();
        format!(
            "HTTP/1.1 {head}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    };
    let words = [
        "failed to reach the API server",
        "a web page titled",
        "Sign in",
        "proxy or a login page",
    ];
    all_refused(&shards(), Network::AnswersOverTls(page("200 OK")), &words);
    all_refused(&shards(), Network::AnswersOverTls(page("403 Forbidden")), &words);
    all_refused(&shards(), Network::Answers(page("400 Bad Request")), &["API server"]);
}

#[test]
fn a_server_that_speaks_json_and_is_not_kubernetes() {
    let answer = |body: &str| {
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
        format!("{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
    };
    let words = ["failed to reach the API server", "answered not as Kubernetes"];
    for body in [
        r#"{"hello": "world"}"#,
        r#"{"gitVersion": "", "items": []}"#,
        r#""pong""#,
    ] {
        all_refused(&shards(), Network::AnswersOverTls(answer(body)), &words);
    }
}

#[test]
fn a_certificate_that_is_not_trusted_or_for_another_name() {
    let scene = shards();
    let other = crate::cluster::kubeconfig::write(
        &scene.home().join("other-authority.kubeconfig"),
        &format!("https://127.0.0.1:{}", scene.plane().api_port()),
        &Authority::new().certificate,
        &scene.plane().authority().client("admin", &["system:masters"]),
        scene.namespace(),
    );
    for command in ["verify", "status", "snapshot"] {
        run(scene.shardctl_with(&other, [command]))
            .refused(7, &["certificate", "isn't", "kubectl config view --minify"]);
    }
    let named = kubeconfig(&scene, "other-name.kubeconfig", |config| {
        config["clusters"][0]["cluster"]["tls-server-name"] = json!("api.example");
    });
    run(scene.shardctl_with(&named, ["status"]))
        .refused(7, &["its certificate is for", "api.example", "--tls-server-name="]);
}

#[test]
fn a_proxy_in_between_is_used_and_named_when_it_fails() {
    let scene = shards();
    let port = scene.plane().api_port();
    // A name that the server's certificate has and no resolver knows: only the proxy can lead there.
    let file = kubeconfig(&scene, "behind-proxy.kubeconfig", |config| {
        config["clusters"][0]["cluster"]["server"] = json!(format!("https://kubernetes.default.svc:{port}"));
    });
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let tunnels = std::thread::spawn(move || {
        let (client, _) = listener.accept().expect("a connection");
        tunnel(client, port)
    });
    let mut command = scene.shardctl_with(&file, ["status"]);
    command.env("HTTPS_PROXY", format!("http://{address}"));
    run(command).says(0, &["UP"]);
    let asked = tunnels.join().expect("a tunnel");
    assert!(
        asked.starts_with(&format!("CONNECT kubernetes.default.svc:{port} ")),
        "{asked}"
    );

    // Nobody listens there any more.
    let mut command = scene.shardctl_with(&file, ["status"]);
    command.env("HTTPS_PROXY", format!("http://jo:secret@{address}"));
    let ran = run(command);
    ran.refused(7, &["through the proxy", &address.to_string(), "NO_PROXY"]);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
    let mut command = scene.shardctl_with(&file, ["status"]);
    command.env("HTTPS_PROXY", "://");
    run(command).refused(2, &["HTTPS_PROXY holds no proxy address"]);
}

/// Answers one CONNECT and hands on what follows; gives the first request.
fn tunnel(mut client: TcpStream, port: u16) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).expect("a request") > 0 {
        head.extend(byte);
    }
    let mut server = TcpStream::connect(("127.0.0.1", port)).expect("the API server");
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .expect("an answer");
    let (mut up, mut down) = (
        client.try_clone().expect("a clone"),
        server.try_clone().expect("a clone"),
    );
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut down, &mut client);
    });
    // Ends with the client's process.
    let _ = std::io::copy(&mut up, &mut server);
    let _ = server.shutdown(std::net::Shutdown::Both);
    String::from_utf8_lossy(&head).into_owned()
}
