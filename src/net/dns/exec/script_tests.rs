//! The script itself, run by this machine's shell with a PATH that holds only what an image would have.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::super::tool_output::Tool;
use super::*;

/// Runs the script as an image with these programs would, each a shell script, and reads what it wrote.
async fn in_image(
    programs: &[(&str, &str)],
    names: &[&str],
    family: &str,
) -> (String, Option<Tool>, BTreeMap<String, Answer>) {
    let image = tempfile::tempdir().unwrap();
    for (name, body) in programs {
        let path = image.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = tokio::process::Command::new("/bin/sh")
        .args(["-c", SCRIPT, "lookup.sh", "2", family])
        .args(names)
        .env_clear()
        .env("PATH", image.path())
        .output()
        .await
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
    let stdout = String::from_utf8(output.stdout).unwrap();
    let ask = Ask::new(
        names.iter().map(|name| (*name).to_owned()).collect(),
        Duration::from_secs(2),
    );
    let (tool, answers) = report(
        "db-0",
        &Ran {
            stdout: stdout.clone(),
            end: End::Success,
        },
        names,
        &ask,
        Duration::from_secs(9),
    );
    (stdout, tool, answers)
}

const GETENT: (&str, &str) = (
    "getent",
    r#"[ "$1" = ahostsv4 ] && echo "10.0.0.4 STREAM $2"; [ "$1" = ahostsv6 ] && echo "fd00::4 STREAM $2""#,
);
const BIND: (&str, &str) = (
    "nslookup",
    r#"[ "$1" = --help ] && { echo '*** Invalid option: -help'; exit 1; }; printf 'Server:\t\t10.0.0.1\nAddress:\t10.0.0.1#53\n\nargs %s\nName: x\nAddress: 10.0.0.2\n' "$*""#,
);
const BUSYBOX: (&str, &str) = (
    "nslookup",
    r#"[ "$1" = --help ] && { echo 'BusyBox v1.35.0 () multi-call binary.'; echo 'Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]'; exit 0; }; printf 'Server:\t\t10.0.0.1\n\nargs %s\nAddress: 10.0.0.3\n' "$*""#,
);
const OLD_BUSYBOX: (&str, &str) = (
    "nslookup",
    r#"[ "$1" = --help ] && { echo 'BusyBox v1.26.2 () multi-call binary.'; echo 'Usage: nslookup [HOST] [SERVER]'; exit 1; }; printf 'Server:    10.0.0.1\n\nargs %s\nAddress 1: 10.0.0.5 x\n' "$*""#,
);
const DIG: (&str, &str) = (
    "dig",
    r#"echo "; args $*"; echo ';; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1'; echo 'x. 5 IN A 10.0.0.1'"#,
);

fn v4(last: u8, ttl: Option<u32>) -> Answer {
    Answer::Addresses {
        addresses: vec![[10, 0, 0, last].into()],
        ttl,
    }
}

#[tokio::test]
async fn the_tool_that_tells_the_most_is_taken() {
    let (_, tool, answers) = in_image(&[GETENT, BIND, DIG], &["x."], "a").await;
    assert_eq!((tool, &answers["x."]), (Some(Tool::Dig), &v4(1, Some(5))));
    let (_, tool, answers) = in_image(&[GETENT, BIND], &["x."], "a").await;
    assert_eq!((tool, &answers["x."]), (Some(Tool::Nslookup), &v4(2, None)));
    let (_, tool, answers) = in_image(&[GETENT], &["x."], "a").await;
    assert_eq!((tool, &answers["x."]), (Some(Tool::Getent), &v4(4, None)));
    let (_, tool, answers) = in_image(&[], &["x."], "a").await;
    assert_eq!(tool, None);
    assert_eq!(
        answers["x."],
        Answer::Unreachable {
            why: "the image of pod/db-0 has neither dig nor nslookup nor getent".into()
        }
    );
}

#[tokio::test]
async fn each_nslookup_gets_the_flags_it_knows() {
    let (stdout, tool, answers) = in_image(&[BIND], &["x."], "a").await;
    assert!(stdout.contains("args -type=a -timeout=2 -retry=0 x.\n"), "{stdout}");
    assert_eq!((tool, &answers["x."]), (Some(Tool::Nslookup), &v4(2, None)));
    let (stdout, tool, answers) = in_image(&[BUSYBOX], &["x."], "aaaa").await;
    assert!(stdout.contains("args -type=aaaa -timeout=2 -retry=1 x.\n"), "{stdout}");
    assert_eq!((tool, &answers["x."]), (Some(Tool::BusyboxNslookup), &v4(3, None)));
    let (stdout, tool, answers) = in_image(&[OLD_BUSYBOX], &["x."], "a").await;
    assert!(stdout.contains("args x.\n"), "{stdout}");
    assert_eq!((tool, &answers["x."]), (Some(Tool::OldBusyboxNslookup), &v4(5, None)));
    let (stdout, ..) = in_image(&[DIG], &["x."], "a").await;
    assert!(
        stdout.contains("args +time=2 +tries=1 +noall +comments +answer -t a -q x.\n"),
        "{stdout}"
    );
}

#[tokio::test]
async fn many_names_each_get_their_own_lines() {
    let names: Vec<String> = (0..30).map(|n| format!("db-{n}.")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = (
        "getent",
        r#"n=${2#db-}; n=${n%.}; echo "10.0.1.$n STREAM"; echo "10.0.2.$n STREAM""#,
    );
    let (_, _, answers) = in_image(&[program], &names, "a").await;
    for n in 0..30 {
        let expected = Answer::Addresses {
            addresses: vec![[10, 0, 1, n].into(), [10, 0, 2, n].into()],
            ttl: None,
        };
        assert_eq!(answers[&format!("db-{n}.")], expected);
    }
}
