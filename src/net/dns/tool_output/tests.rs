//! Outputs as the tools wrote them (dig and nslookup of BIND 9.18, nslookup of busybox 1.35, getent of glibc; older forms
//! as their sources print them), with the names shortened.

use std::time::Duration;

use super::*;

fn read_v4(tool: Tool, output: &str) -> Answer {
    read(tool, output, &Ask::new(vec![], Duration::from_secs(1)))
}

fn read_v6(tool: Tool, output: &str) -> Answer {
    read(
        tool,
        output,
        &Ask {
            family: Family::V6,
            ..Ask::new(vec![], Duration::from_secs(1))
        },
    )
}

fn found(addresses: &[&str], ttl: Option<u32>) -> Answer {
    Answer::Addresses {
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        ttl,
    }
}

fn server_error(code: &str) -> Answer {
    Answer::ServerError { code: code.into() }
}

fn why(answer: Answer) -> String {
    match answer {
        Answer::Unreachable { why } => why,
        other => panic!("{other:?}"),
    }
}

const TIMED_OUT: Answer = Answer::TimedOut { after_ms: 1000 };

fn dig_header(status: &str, answers: u8) -> String {
    format!(
        ";; Got answer:\n;; WARNING: .local is reserved for Multicast DNS\n;; You are currently testing what happens when an mDNS query is leaked to DNS\n\
         ;; ->>HEADER<<- opcode: QUERY, status: {status}, id: 61924\n;; flags: qr aa rd; QUERY: 1, ANSWER: {answers}, AUTHORITY: 0, ADDITIONAL: 1\n\
         ;; WARNING: recursion requested but not available\n\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n; COOKIE: 36054ff7cfefc0f8 (echoed)\n"
    )
}

#[test]
fn dig_addresses_with_their_shortest_life() {
    let output = dig_header("NOERROR", 2)
        + ";; ANSWER SECTION:\ndb.x.svc.cluster.local. 30 IN A 10.244.0.11\ndb.x.svc.cluster.local. 5 IN A 10.244.0.2\n\n";
    assert_eq!(
        read_v4(Tool::Dig, &output),
        found(&["10.244.0.2", "10.244.0.11"], Some(5))
    );
}

#[test]
fn dig_follows_an_alias() {
    let output =
        dig_header("NOERROR", 2) + ";; ANSWER SECTION:\na.x.\t3\tIN\tCNAME\tb.x.\nb.x.\t\t30\tIN\tA\t10.0.0.1\n\n";
    assert_eq!(read_v4(Tool::Dig, &output), found(&["10.0.0.1"], Some(3)));
}

#[test]
fn dig_without_an_address() {
    assert_eq!(read_v4(Tool::Dig, &dig_header("NXDOMAIN", 0)), Answer::NxDomain);
    assert_eq!(read_v4(Tool::Dig, &dig_header("NOERROR", 0)), Answer::NoData);
    assert_eq!(read_v4(Tool::Dig, &dig_header("SERVFAIL", 0)), server_error("SERVFAIL"));
    assert_eq!(read_v4(Tool::Dig, &dig_header("REFUSED", 0)), server_error("REFUSED"));
}

#[test]
fn dig_without_an_answer() {
    let silent = ";; communications error to 127.0.0.1#5393: timed out\n;; no servers could be reached\n";
    assert_eq!(read_v4(Tool::Dig, silent), TIMED_OUT);
    assert_eq!(
        read_v4(
            Tool::Dig,
            "\n; <<>> DiG 9.16.1 <<>> x\n;; connection timed out; no servers could be reached\n"
        ),
        TIMED_OUT
    );
    let refused = ";; communications error to 127.0.0.1#5399: connection refused\n;; no servers could be reached\n";
    assert_eq!(
        why(read_v4(Tool::Dig, refused)),
        "dig said: communications error to 127.0.0.1#5399: connection refused"
    );
}

#[test]
fn dig_counts_the_last_answer_when_one_server_was_silent_or_truncated() {
    let output = ";; communications error to 10.0.0.1#53: timed out\n;; Truncated, retrying in TCP mode.\n".to_owned()
        + &dig_header("NOERROR", 1)
        + ";; ANSWER SECTION:\na. 5 IN A 10.0.0.1\n";
    assert_eq!(read_v4(Tool::Dig, &output), found(&["10.0.0.1"], Some(5)));
}

#[test]
fn nslookup_addresses_leave_out_the_servers_own() {
    let output = "Server:\t\t127.0.0.1\nAddress:\t127.0.0.1#57481\n\nName:\tdb.x.svc.cluster.local\nAddress: 10.244.0.6\nName:\tdb.x.svc.cluster.local\nAddress: 10.244.0.2\n\n";
    assert_eq!(
        read_v4(Tool::Nslookup, output),
        found(&["10.244.0.2", "10.244.0.6"], None)
    );
    let output =
        "Server:\t\t127.0.0.1\nAddress:\t127.0.0.1:57481\n\nName:\tdb.x.svc.cluster.local\nAddress: 10.244.0.11\n\n";
    assert_eq!(read_v4(Tool::BusyboxNslookup, output), found(&["10.244.0.11"], None));
    let output = "Server:\t\t10.0.0.1\nAddress:\t10.0.0.1#53\n\nNon-authoritative answer:\na.x\tcanonical name = b.x.\nName:\tb.x\nAddress: 10.0.0.7\n\n";
    assert_eq!(read_v4(Tool::Nslookup, output), found(&["10.0.0.7"], None));
}

#[test]
fn nslookup_without_an_address() {
    let bind = "Server:\t\t127.0.0.1\nAddress:\t127.0.0.1#5391\n\n** server can't find x.svc.cluster.local: ";
    let busybox = "Server:\t\t127.0.0.1\nAddress:\t127.0.0.1:5391\n\n** server can't find x.svc.cluster.local.: ";
    for (tool, output) in [(Tool::Nslookup, bind), (Tool::BusyboxNslookup, busybox)] {
        assert_eq!(read_v4(tool, &format!("{output}NXDOMAIN\n\n")), Answer::NxDomain);
        assert_eq!(read_v4(tool, &format!("{output}REFUSED\n\n")), server_error("REFUSED"));
        assert_eq!(
            read_v4(
                tool,
                &format!(";; Got SERVFAIL reply from 127.0.0.1\n{output}SERVFAIL\n\n")
            ),
            server_error("SERVFAIL")
        );
    }
}

#[test]
fn nslookup_of_a_name_without_such_a_record() {
    let bind =
        "Server:\t\t127.0.0.1\nAddress:\t127.0.0.1#57481\n\n*** Can't find db-0.x.svc.cluster.local.: No answer\n\n";
    assert_eq!(read_v6(Tool::Nslookup, bind), Answer::NoData);
    let busybox = "Server:\t\t127.0.0.1\nAddress:\t127.0.0.1:57481\n\n\n";
    assert_eq!(read_v6(Tool::BusyboxNslookup, busybox), Answer::NoData);
}

#[test]
fn nslookup_without_an_answer() {
    let silent = ";; communications error to 127.0.0.1#5393: timed out\n;; no servers could be reached\n\n";
    assert_eq!(read_v4(Tool::Nslookup, silent), TIMED_OUT);
    assert_eq!(
        read_v4(
            Tool::BusyboxNslookup,
            ";; connection timed out; no servers could be reached\n\n"
        ),
        TIMED_OUT
    );
    let refused = ";; communications error to 127.0.0.1#5399: connection refused\n;; no servers could be reached\n\n";
    assert_eq!(
        why(read_v4(Tool::Nslookup, refused)),
        "nslookup said: communications error to 127.0.0.1#5399: connection refused"
    );
    let refused = "nslookup: read: Connection refused\n;; connection timed out; no servers could be reached\n\n";
    assert_eq!(
        why(read_v4(Tool::BusyboxNslookup, refused)),
        "nslookup (busybox) said: nslookup: read: Connection refused"
    );
}

#[test]
fn an_old_busybox_tells_addresses_and_nothing_else() {
    let output = "Server:    10.96.0.10\nAddress 1: 10.96.0.10 kube-dns.kube-system.svc.cluster.local\n\nName:      db-0.db.x.svc.cluster.local\n\
                  Address 1: 10.244.0.5 db-0.db.x.svc.cluster.local\nAddress 2: fd00::5 db-0.db.x.svc.cluster.local\n";
    assert_eq!(read_v4(Tool::OldBusyboxNslookup, output), found(&["10.244.0.5"], None));
    assert_eq!(read_v6(Tool::OldBusyboxNslookup, output), found(&["fd00::5"], None));
    let output = "Server:    10.96.0.10\nAddress 1: 10.96.0.10 kube-dns.kube-system.svc.cluster.local\n\nnslookup: can't resolve 'nope'\n";
    assert_eq!(
        why(read_v4(Tool::OldBusyboxNslookup, output)),
        "nslookup (an old busybox) found no address (it can't tell why)"
    );
}

#[test]
fn getent_tells_addresses_and_nothing_else() {
    let output = "10.0.0.1       STREAM db-0.x\n10.0.0.1       DGRAM  \n10.0.0.1       RAW    \n";
    assert_eq!(read_v4(Tool::Getent, output), found(&["10.0.0.1"], None));
    assert_eq!(
        why(read_v4(Tool::Getent, "")),
        "getent found no address (it can't tell why)"
    );
    let mapped = "::ffff:10.0.0.1 STREAM db-0.x\n::ffff:10.0.0.1 DGRAM  \n";
    assert_eq!(
        why(read_v6(Tool::Getent, mapped)),
        "getent found no address (it can't tell why)"
    );
}

#[test]
fn words_from_a_container_are_cut_and_stripped() {
    let words = why(read_v4(
        Tool::Nslookup,
        &format!("\u{1b}]0;title\u{7}{}\n", "x".repeat(1000)),
    ));
    assert!(!words.contains(char::is_control), "{words:?}");
    assert!(words.len() < 260, "{}", words.len());
}

#[test]
fn every_tool_has_a_name_that_leads_back_to_it() {
    for tool in [
        Tool::Dig,
        Tool::Nslookup,
        Tool::BusyboxNslookup,
        Tool::OldBusyboxNslookup,
        Tool::Getent,
    ] {
        assert_eq!(Tool::named(tool.script_name()), Some(tool));
    }
    assert_eq!(Tool::named("none"), None);
}
