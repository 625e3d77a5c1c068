//! Every form of `verify`'s result: well-formed, about the same checks, with the same exit code.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bad_days::{run, shards};

const FORMS: [&str; 5] = ["text", "short", "json", "junit", "prometheus"];

#[test]
fn every_form_ends_with_the_same_code() {
    let scene = shards();
    let nobody = scene.limited_user(serde_json::json!([]));
    for form in FORMS {
        run(scene.shardctl(["verify", "-o", form])).says(0, &[]);
        run(scene.shardctl(["verify", "-o", form, "--expect", "4"])).says(1, &["STS-02"]);
        run(scene.shardctl_with(&nobody, ["verify", "-o", form])).says(7, &["STS-02"]);
    }
}

#[test]
fn forms_are_well_formed_and_speak_of_the_same_checks() {
    let scene = shards();
    let of = |form: &str| run(scene.shardctl(["verify", "-o", form, "--expect", "4"])).stdout;
    let report: Value = serde_json::from_str(&of("json")).expect("JSON");
    let ids: BTreeSet<String> = shardctl::plan::verify::CHECKS
        .iter()
        .map(|check| check.about.id.to_owned())
        .collect();
    let checks = report["checks"].as_array().expect("checks");
    let seen: BTreeSet<String> = checks
        .iter()
        .filter_map(|check| Some(check["id"].as_str()?.to_owned()))
        .collect();
    assert_eq!(seen, ids);
    assert_eq!(
        (&report["apiVersion"], &report["kind"]),
        (&"shardctl.dev/v1".into(), &"VerifyReport".into())
    );

    let text = of("text");
    let junit = of("junit");
    let metrics = of("prometheus");
    let cases = assert_xml(&junit);
    assert_eq!(cases, ids.len(), "a test case a check");
    let failed = checks.iter().filter(|check| check["status"] == "fail").count();
    assert_eq!(junit.matches("<failure").count(), failed);
    assert_prometheus(&metrics);
    for id in &ids {
        assert!(text.contains(id.as_str()), "{id} isn't in the text");
        assert!(
            junit.contains(&format!("shardctl.verify.{id}\"")),
            "{id} isn't in the XML"
        );
        let holds = metrics.lines().filter(|line| {
            line.starts_with("shardctl_check_status{")
                && line.contains(&format!("check=\"{id}\""))
                && line.ends_with(" 1")
        });
        assert_eq!(holds.count(), 1, "{id} has one status in the metrics");
    }
    assert!(of("short").lines().count() < text.lines().count());
}

/// Reads XML as a parser must: every tag closed in order, every attribute quoted, every `&` an entity. Gives the count
/// of test cases.
#[track_caller]
fn assert_xml(xml: &str) -> usize {
    let mut open: Vec<&str> = Vec::new();
    let mut cases = 0;
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        assert_entities(&rest[..start]);
        let end = rest[start..].find('>').expect("every tag ends") + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('?') || tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed in order");
            continue;
        }
        let body = tag.trim_end_matches('/');
        let name = body.split_whitespace().next().expect("a name");
        assert_eq!(body.matches('"').count() % 2, 0, "quoted: {tag}");
        assert_entities(body);
        cases += usize::from(name == "testcase");
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert_entities(rest);
    assert!(open.is_empty(), "never closed: {open:?}");
    cases
}

#[track_caller]
fn assert_entities(text: &str) {
    for after in text.split('&').skip(1) {
        let (name, _) = after.split_once(';').expect("an entity ends with a semicolon");
        assert!(
            ["amp", "lt", "gt", "quot", "apos"].contains(&name) || name.starts_with('#'),
            "&{name};"
        );
    }
}

/// Reads metrics as Prometheus does: HELP and TYPE before samples, `name{label="value",…} number`.
#[track_caller]
fn assert_prometheus(text: &str) {
    assert!(text.ends_with('\n'));
    let mut typed = BTreeSet::new();
    let mut series = BTreeSet::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.split(' ');
            match (words.next(), words.next()) {
                (Some("TYPE"), Some(name)) => assert!(typed.insert(name.to_owned()), "one type a metric: {line}"),
                (Some("HELP"), Some(_)) => {}
                _ => panic!("{line}"),
            }
            continue;
        }
        let (labelled, value) = line.rsplit_once(' ').expect("a value");
        value.parse::<f64>().expect("a number");
        let (name, labels) = labelled.split_once('{').expect("labels");
        assert!(typed.contains(name), "no TYPE before {line}");
        assert!(series.insert(labelled.to_owned()), "twice: {labelled}");
        let mut rest = labels.strip_suffix('}').expect("labels end");
        while !rest.is_empty() {
            let (key, value) = rest.split_once("=\"").expect("a quoted value");
            assert!(
                key.trim_start_matches(',')
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_'),
                "{key}"
            );
            let mut escaped = false;
            let end = value.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            rest = &value[end.expect("the value ends") + 1..];
        }
    }
}
