//! Kubeconfig files: finding, merging, selecting.

use super::*;

fn kubeconfig(current: &str, contexts: &[(&str, &str, &str)]) -> String {
    let mut text = format!("apiVersion: v1\nkind: Config\ncurrent-context: {current:?}\ncontexts:\n");
    for (name, cluster, user) in contexts {
        text.push_str(&format!(
            "- name: {name}\n  context: {{cluster: {cluster}, user: {user}, namespace: ns-{name}}}\n"
        ));
    }
    text
}

const SERVER_A: &str =
    "clusters:\n- name: a\n  cluster: {server: 'https://a:6443'}\nusers:\n- name: jo\n  user: {token: t}\n";

fn read(texts: &[&str]) -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut paths = vec![folder.path().join("missing")];
    for (number, text) in texts.iter().enumerate() {
        let path = folder.path().join(format!("config-{number}"));
        std::fs::write(&path, text).expect("a file");
        paths.push(path);
    }
    (folder, Files::List(paths))
}

#[test]
fn of_several_files_the_first_wins_and_missing_ones_are_skipped() {
    let first = kubeconfig("one", &[("one", "a", "jo")]);
    let second = kubeconfig("two", &[("one", "b", "jo"), ("two", "a", "jo")]) + SERVER_A;
    let (_folder, files) = read(&[&first, &second]);
    let read = files.read().expect("readable").expect("two files");
    let selected = read.select(None, false).expect("a context").expect("a context");
    assert_eq!(selected.name, "one");
    assert_eq!(selected.context.cluster, "a");
    assert_eq!(selected.namespace().as_deref(), Some("ns-one"));
    let other = read.select(Some("two"), false).expect("a context").expect("a context");
    assert_eq!(
        other.endpoint().expect("an endpoint").server.to_string(),
        "https://a:6443/"
    );
    assert_eq!(other.endpoint().expect("an endpoint").credential, Credential::Token);
}

#[test]
fn only_missing_files_are_no_kubeconfig_but_the_flags_file_must_exist() {
    let (folder, files) = read(&[]);
    assert!(files.read().expect("nothing to read").is_none());
    let missing = folder.path().join("missing");
    let error = Files::Flag(missing.clone()).read().map(|_| ()).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::File);
    assert_eq!(
        error.message(),
        format!("failed to read the kubeconfig {}: it doesn't exist", missing.display())
    );
}

#[test]
fn which_files_count() {
    let environment = Environment {
        kubeconfig: Some("/a::/b".into()),
        home: Some("/home/jo".into()),
        ..Environment::default()
    };
    assert_eq!(
        Files::find(None, &environment),
        Files::List(vec!["/a".into(), "/b".into()])
    );
    assert_eq!(
        Files::find(Some(Path::new("/c")), &environment),
        Files::Flag("/c".into())
    );
    let environment = Environment {
        kubeconfig: Some(":".into()),
        ..environment
    };
    assert_eq!(
        Files::find(None, &environment),
        Files::Home("/home/jo/.kube/config".into())
    );
}

#[test]
fn an_unknown_context_names_the_nearest_and_lists_all() {
    let text = kubeconfig("one", &[("prod-east", "a", "jo"), ("staging", "a", "jo")]);
    let (_folder, files) = read(&[&text]);
    let read = files.read().expect("readable").expect("a file");
    let error = read.select(Some("prod-esat"), true).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(
        error.message().starts_with("failed to find context \"prod-esat\" in "),
        "{error}"
    );
    assert_eq!(error.hints()[0], "did you mean \"prod-east\"?");
    assert_eq!(error.hints()[1], "contexts: prod-east, staging");

    let error = read.select(Some("xyz"), true).expect_err("an error");
    assert_eq!(error.hints()[0], "contexts: prod-east, staging");
    let error = read
        .select(None, true)
        .expect_err("the current context doesn't exist either");
    assert!(
        error
            .message()
            .starts_with("failed to find the current-context context \"one\""),
        "{error}"
    );
}

#[test]
fn without_a_current_context_a_pod_uses_its_service_account_and_others_are_asked() {
    let (_folder, files) = read(&[&kubeconfig("", &[("one", "a", "jo")])]);
    let read = files.read().expect("readable").expect("a file");
    assert!(read.select(None, true).expect("no error").is_none());
    let error = read.select(None, false).expect_err("an error");
    assert_eq!(error.hints(), ["contexts: one", "choose one with --context NAME"]);
}

#[test]
fn a_context_whose_user_or_cluster_is_missing_is_an_error() {
    let (_folder, files) =
        read(&[&(kubeconfig("one", &[("one", "a", "nobody"), ("two", "nowhere", "jo")]) + SERVER_A)]);
    let read = files.read().expect("readable").expect("a file");
    let error = read.select(None, false).expect_err("no such user");
    assert!(error.message().contains("its user \"nobody\" isn't in "), "{error}");
    let error = read.select(Some("two"), false).expect_err("no such cluster");
    assert!(error.message().contains("its cluster \"nowhere\" isn't in "), "{error}");
}

#[test]
fn broken_files_and_fields_are_named() {
    let (_folder, files) = read(&["contexts: [oops"]);
    let error = files.read().map(|_| ()).expect_err("no YAML");
    assert_eq!(error.kind(), ErrorKind::File);
    assert!(error.message().contains("config-0: "), "{error}");

    let broken = |cluster: &str| {
        let text = kubeconfig("one", &[("one", "a", "jo")])
            + &format!("clusters:\n- name: a\n  cluster: {cluster}\nusers:\n- name: jo\n  user: {{token: t}}\n");
        let (_folder, files) = read(&[&text]);
        let read = files.read().expect("readable").expect("a file");
        let selected = read.select(None, false).expect("a context").expect("a context");
        match selected.endpoint() {
            Err(error) => error.message().to_owned(),
            Ok(endpoint) => selected
                .config(&endpoint)
                .map(|_| ())
                .expect_err("an error")
                .message()
                .to_owned(),
        }
    };
    for (cluster, why) in [
        ("{}", "its cluster \"a\" has no server"),
        (
            "{server: 'ftp://a'}",
            "its server ftp://a/ is no http:// or https:// address",
        ),
        (
            "{server: 'https://a', certificate-authority-data: '%%%'}",
            "its certificate-authority-data isn't base64",
        ),
        (
            "{server: 'https://a', certificate-authority-data: aGVsbG8=}",
            "its certificate-authority-data holds no certificate",
        ),
        (
            "{server: 'https://a', certificate-authority: /does/not/exist}",
            "can't be read: ",
        ),
    ] {
        let message = broken(cluster);
        assert!(message.contains(why), "{message}");
    }
}
