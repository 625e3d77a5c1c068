//! Connecting, against kubeconfig files in a folder and servers on loopback.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;
use crate::cluster::failure::BadCertificate;
use crate::cluster::test_server::{Identity, Reply, Server};

/// A kubeconfig with one context; `cluster` and `user` are YAML flow mappings without the server.
struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new(server: &str, cluster: &str, user: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts:\n- name: test\n  context: {{cluster: c, user: u}}\n\
             clusters:\n- name: c\n  cluster: {{server: {server:?}{cluster}}}\nusers:\n- name: u\n  user: {user}\n"
        );
        std::fs::write(folder.path().join("config"), text).expect("a file");
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn target(&self) -> Target {
        Target {
            kubeconfig: Some(self.folder.path().join("config")),
            request_timeout: Duration::from_secs(20),
            ..Target::default()
        }
    }

    async fn connect(&self) -> Connection {
        connect_from(&self.target(), Environment::default())
            .await
            .expect("a connection")
    }
}

fn trusting(identity: &Identity, folder: &Path) -> String {
    let path = folder.join("ca.crt");
    std::fs::write(&path, &identity.authority).expect("a file");
    format!(", certificate-authority: {:?}", path.display().to_string())
}

async fn tls_connection(port: u16, identity: &Identity, cluster: &str) -> (File, Connection) {
    let keep = tempfile::tempdir().expect("a folder");
    let cluster = format!("{}{cluster}", trusting(identity, keep.path()));
    let file = File::new(&format!("https://127.0.0.1:{port}"), &cluster, "{}");
    let connection = file.connect().await;
    (file, connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_requests_at_once_share_one_connection() {
    let identity = Identity::new(&["127.0.0.1"], false);
    let server = Server::tls(&identity, &["h2", "http/1.1"]);
    let (_file, connection) = tls_connection(server.port, &identity, "").await;
    assert_eq!(server.connections(), 0, "connect() must not open a socket");
    for _ in 0..2 {
        let requests = (0..8).map(|_| connection.api().get("/api"));
        for answer in futures::future::join_all(requests).await {
            assert_eq!(answer.expect("an answer").body, "{}");
        }
    }
    assert_eq!(server.requests().len(), 16);
    assert_eq!(server.connections(), 1);

    let upgrade = connection.upgrade_client().expect("a client");
    let request = http::Request::get("/api").body(Vec::new()).expect("a request");
    assert_eq!(upgrade.request_text(request).await.expect("an answer"), "{}");
    assert!(
        server.requests()[16].starts_with("GET /api HTTP/1.1"),
        "an upgrade needs HTTP/1.1: {:?}",
        server.requests()[16]
    );
}

#[tokio::test]
async fn a_server_without_http2_is_spoken_to_in_http1() {
    let identity = Identity::new(&["127.0.0.1"], false);
    for alpn in [&["http/1.1"][..], &[]] {
        let server = Server::tls(&identity, alpn);
        let (_file, connection) = tls_connection(server.port, &identity, "").await;
        let requests = (0..4).map(|_| connection.api().get("/api"));
        for answer in futures::future::join_all(requests).await {
            assert_eq!(answer.expect("an answer").body, "{}");
        }
        assert!(
            server
                .requests()
                .iter()
                .all(|head| head.starts_with("GET /api HTTP/1.1"))
        );
    }
}

#[tokio::test]
async fn a_connection_that_fails_fails_once_for_everybody_who_waits() {
    let server = Server::hanging_up();
    let identity = Identity::new(&["127.0.0.1"], false);
    let (_file, connection) = tls_connection(server.port, &identity, "").await;
    for round in 1..=3 {
        // Below the retries: their pauses end a moment apart, and who wakes late rightly dials anew.
        let requests = (0..8).map(|_| {
            let request = http::Request::get("/api").body(kube::client::Body::empty());
            connection.client().send(request.expect("a request"))
        });
        for answer in futures::future::join_all(requests).await {
            let failure = Failure::from(answer.expect_err("no answer"));
            assert!(matches!(failure, Failure::CutOff { .. }), "{failure:?}");
        }
        assert_eq!(server.connections(), round, "one for each round, not for each request");
    }
    let failure = connection.api().get("/api").await.expect_err("no answer");
    assert!(matches!(failure, Failure::CutOff { .. }), "{failure:?}");
    assert_eq!(server.connections(), 6, "a read is tried three times");
}

#[tokio::test]
async fn certificates_that_cannot_be_trusted_say_why() {
    let good = Identity::new(&["127.0.0.1"], false);
    let other = Identity::new(&["127.0.0.1"], false);
    let expired = Identity::new(&["127.0.0.1"], true);
    let elsewhere = Identity::new(&["api.example"], false);

    let server = Server::tls(&good, &["h2"]);
    let (_file, connection) = tls_connection(server.port, &other, "").await;
    let failure = connection.api().get("/api").await.expect_err("distrust");
    assert_eq!(failure, Failure::Certificate(BadCertificate::UnknownIssuer));
    let error = failure.into_error("list pods", connection.endpoint());
    assert_eq!(
        error.message(),
        format!(
            "failed to reach the API server at https://127.0.0.1:{} (context \"test\"): its certificate was issued by an authority that isn't trusted",
            server.port
        )
    );

    let server = Server::tls(&expired, &["h2"]);
    let (_file, connection) = tls_connection(server.port, &expired, "").await;
    let failure = connection.api().get("/api").await.expect_err("distrust");
    assert_eq!(failure.reason(), "its certificate expired at 2001-01-01T00:00:00Z");

    let server = Server::tls(&elsewhere, &["h2"]);
    let (_file, connection) = tls_connection(server.port, &elsewhere, "").await;
    let failure = connection.api().get("/api").await.expect_err("distrust");
    assert_eq!(
        failure.reason(),
        "its certificate is for api.example, not for 127.0.0.1"
    );

    let (_file, connection) = tls_connection(server.port, &elsewhere, ", tls-server-name: api.example").await;
    connection
        .api()
        .get("/api")
        .await
        .expect("the name that the kubeconfig gives");

    let file = File::new(
        &format!("https://127.0.0.1:{}", server.port),
        ", insecure-skip-tls-verify: true",
        "{}",
    );
    file.connect().await.api().get("/api").await.expect("no verification");
}

#[tokio::test]
async fn nobody_listening_and_a_server_without_tls_are_told_apart() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = unused.local_addr().expect("its address").port();
    drop(unused);
    let file = File::new(&format!("https://127.0.0.1:{port}"), "", "{}");
    let connection = file.connect().await;
    let failure = connection.api().get("/api").await.expect_err("nobody there");
    assert_eq!(failure, Failure::Refused);
    let error = failure.into_error("list pods", connection.endpoint());
    assert_eq!(
        error.message(),
        format!("failed to reach the API server at https://127.0.0.1:{port} (context \"test\"): connection refused")
    );
    assert_eq!(error.hints().len(), 2);

    let talker = talking_first("HTTP/1.1 400 Bad Request\r\n\r\n");
    let file = File::new(&format!("https://127.0.0.1:{talker}"), "", "{}");
    let failure = file.connect().await.api().get("/api").await.expect_err("no TLS");
    assert!(matches!(failure, Failure::NotKubernetes { .. }), "{failure:?}");
}

/// A server that sends `words` to whoever connects.
fn talking_first(words: &'static str) -> u16 {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(words.as_bytes());
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    port
}

#[tokio::test]
async fn token_and_impersonation_go_with_every_request_of_both_clients() {
    let server = Server::plain([Reply::json(200, "{}"), Reply::json(200, "{}")]);
    let file = File::new(
        &format!("http://127.0.0.1:{}/k8s/clusters/c-1", server.port),
        "",
        "{token: s3cret, as: kubeconfigs-user, as-groups: [kubeconfigs-group]}",
    );
    let target = Target {
        as_user: Some("jo".into()),
        as_groups: vec!["ops".into(), "dev".into()],
        namespace: Some("db".into()),
        ..file.target()
    };
    let connection = connect_from(&target, Environment::default())
        .await
        .expect("a connection");
    connection.api().get("/api").await.expect("an answer");
    let request = http::Request::get("/api").body(Vec::new()).expect("a request");
    connection
        .upgrade_client()
        .expect("a client")
        .request_text(request)
        .await
        .expect("an answer");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for head in requests {
        assert!(head.starts_with("GET /k8s/clusters/c-1/api HTTP/1.1"), "{head}");
        for line in [
            "authorization: Bearer s3cret",
            "impersonate-user: jo",
            "impersonate-group: ops",
            "impersonate-group: dev",
        ] {
            assert!(head.contains(&format!("{line}\r\n")), "{head}");
        }
        assert!(
            !head.contains("kubeconfigs-"),
            "one user's groups must not stay with another: {head}"
        );
    }
    assert_eq!(
        (connection.namespace(), connection.namespace_origin()),
        ("db", NamespaceOrigin::Flag)
    );
    assert_eq!(connection.context(), Some("test"));
    assert!(!connection.in_cluster());
}

#[tokio::test]
async fn groups_without_a_user_are_refused() {
    let target = Target {
        as_groups: vec!["ops".into()],
        ..Target::default()
    };
    let error = connect_from(&target, Environment::default())
        .await
        .map(|_| ())
        .expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[tokio::test]
async fn nothing_configured_says_where_it_looked() {
    let environment = Environment {
        home: Some("/nonexistent".into()),
        ..Environment::default()
    };
    let error = connect_from(&Target::default(), environment)
        .await
        .map(|_| ())
        .expect_err("an error");
    assert_eq!(
        error.message(),
        "failed to find a kubeconfig: /nonexistent/.kube/config doesn't exist, and this isn't a pod with a service account"
    );
    assert_eq!(error.kind(), ErrorKind::Usage);
}

/// A kubeconfig whose user runs `script`.
fn with_plugin(server: &str, script: &str) -> File {
    let file = File::new(server, "", "{}");
    let plugin = file.path().join("aws");
    std::fs::write(&plugin, script).expect("a file");
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).expect("an executable");
    let config = file.path().join("config");
    let text = std::fs::read_to_string(&config).expect("the file").replace(
        "user: {}",
        "user: {exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: ./aws, \
         args: [eks, get-token, --cluster-name, shards, --region, eu-west-1]}}",
    );
    std::fs::write(config, text).expect("a file");
    file
}

#[tokio::test]
async fn an_exec_plugin_is_run_once_for_both_clients() {
    let server = Server::plain([Reply::json(200, "{}"), Reply::json(200, "{}")]);
    let file = with_plugin(
        &format!("http://127.0.0.1:{}", server.port),
        "#!/bin/sh\necho run >> \"$(dirname \"$0\")/runs\"\n\
         echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
         \"status\":{\"token\":\"fresh\",\"expirationTimestamp\":\"2999-01-01T00:00:00Z\"}}'\n",
    );
    let connection = file.connect().await;
    connection.api().get("/api").await.expect("an answer");
    let request = http::Request::get("/api").body(Vec::new()).expect("a request");
    let upgrade = connection.upgrade_client().expect("a client");
    upgrade.request_text(request).await.expect("an answer");
    assert!(
        server
            .requests()
            .iter()
            .all(|head| head.contains("authorization: Bearer fresh\r\n"))
    );
    assert_eq!(
        std::fs::read_to_string(file.path().join("runs")).expect("a log"),
        "run\n"
    );
}

#[tokio::test]
async fn a_plugin_that_fails_is_quoted_with_how_to_renew() {
    let file = with_plugin(
        "https://127.0.0.1:1",
        "#!/bin/sh\necho 'the SSO session has expired' >&2\nexit 255\n",
    );
    let error = connect_from(&file.target(), Environment::default())
        .await
        .map(|_| ())
        .expect_err("no credentials");
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(
        error
            .message()
            .ends_with("failed: it ended with exit status: 255: the SSO session has expired"),
        "{error}"
    );
    assert!(
        error
            .message()
            .starts_with("failed to get credentials for user \"u\" of context \"test\": the credential plugin "),
        "{error}"
    );
    let hints = error.hints().join("\n");
    assert!(
        hints.contains("$ aws eks update-kubeconfig --name shards --region eu-west-1"),
        "{hints}"
    );

    let file = with_plugin("https://127.0.0.1:1", "");
    std::fs::remove_file(file.path().join("aws")).expect("the plugin");
    let error = connect_from(&file.target(), Environment::default())
        .await
        .map(|_| ())
        .expect_err("no plugin");
    assert!(
        error.message().ends_with("it isn't installed, or not on the PATH"),
        "{error}"
    );
}

#[tokio::test]
async fn the_environments_proxy_is_used_and_named_without_its_password() {
    let server = Server::plain([Reply::HangUp("HTTP/1.1 403 Forbidden\r\n\r\n".into())]);
    let file = File::new("https://api.example:6443", "", "{token: t}");
    let environment = Environment {
        https_proxy: Some(format!("http://jo:pw@127.0.0.1:{}", server.port)),
        ..Environment::default()
    };
    let connection = connect_from(&file.target(), environment).await.expect("a connection");
    let failure = connection.api().get("/api").await.expect_err("the proxy refuses");
    assert!(
        server.requests()[0].starts_with("CONNECT api.example:6443 HTTP/1.1"),
        "{:?}",
        server.requests()
    );
    let error = failure.into_error("list pods", connection.endpoint());
    assert!(!format!("{error} {:?}", error.hints()).contains("pw"), "{error:?}");
}
