//! The watched packing as lines and as a screen.

use super::*;
use crate::model::money::Money;
use crate::report::packing::testing::{money, node};
use crate::report::packing::usage::NodeUse;
use crate::report::packing::{Node, Totals};
use crate::report::style::Style;
use crate::report::testing::after;
use crate::report::untrusted::is_treacherous;

fn frame(nodes: Vec<Node>) -> Frame {
    let hourly: Money = nodes.iter().filter_map(|node| node.hourly).sum();
    Frame {
        at: after(0.0),
        namespace: "shop".to_owned(),
        statefulset: Some("db".to_owned()),
        present: Present {
            totals: Totals {
                nodes: nodes.len(),
                shards: nodes.iter().map(|node| node.shards.len()).sum(),
                hourly,
                monthly: hourly.a_month(),
                ..Totals::default()
            },
            nodes,
            without_node: Vec::new(),
        },
        usage: Usage {
            unseen: vec!["the cluster serves no metrics.k8s.io".to_owned()],
            ..Usage::default()
        },
        unread: Vec::new(),
        trouble: None,
    }
}

fn passing(name: &str) -> Passing {
    Passing {
        node: name.to_owned(),
        size: Some("Standard_E8s_v5".to_owned()),
        zone: Some("eastus-1".to_owned()),
        capacity_type: None,
        hourly: Some(money("0.504")),
    }
}

fn moved(seconds: f64, movement: Movement) -> Moved {
    Moved {
        at: after(seconds),
        movement,
    }
}

fn drawn(frame: &Frame, marks: &Marks, width: usize, rows: usize) -> Vec<String> {
    board(frame, marks, after(60.0), Style::of_width(width), rows)
}

#[test]
fn the_screen_has_the_cost_a_line_a_node_and_what_is_shown() {
    let seen = frame(vec![node("node-0", "db-0"), node("node-1", "db-1")]);
    let lines = drawn(&seen, &Marks::default(), 120, 24);
    assert_eq!(lines[0], "shop/db  2 shards on 2 nodes  $1.008 an hour, $736 a month");
    assert!(
        lines[1].contains("MEMORY ASKED FOR") && lines[1].contains("PODS"),
        "{lines:#?}"
    );
    assert!(lines[2].contains("██████····  58%"), "{lines:#?}");
    assert!(
        lines[4].ends_with("requests are shown, not what is used: the cluster serves no metrics.k8s.io"),
        "{lines:#?}"
    );
    assert_eq!(lines.len(), 5);
}

#[test]
fn what_is_used_stands_in_place_of_requests_where_it_is_measured() {
    let mut seen = frame(vec![node("node-0", "db-0")]);
    seen.usage = Usage {
        since: Some(after(48.0)),
        ..Usage::default()
    };
    seen.present.nodes[0].used = Some(NodeUse {
        memory: 1,
        cpu_milli: 1,
        memory_percent: Some(96.2),
        cpu_percent: Some(12.0),
    });
    let lines = drawn(&seen, &Marks::default(), 120, 24);
    assert!(lines[1].contains("MEMORY IN USE"), "{lines:#?}");
    assert!(
        lines[2].contains("██████████  96%") && lines[2].contains("█·········  12%"),
        "{lines:#?}"
    );
    assert!(lines[3].ends_with("in use, measured 12s ago"), "{lines:#?}");
}

#[test]
fn nodes_that_came_and_went_are_marked_for_a_while() {
    let mut marks = Marks::default();
    marks.note(&moved(30.0, Movement::NodeCame(passing("node-1"))));
    marks.note(&moved(40.0, Movement::NodeWent(passing("node-9"))));
    let seen = frame(vec![node("node-0", "db-0"), node("node-1", "db-1")]);
    let lines = drawn(&seen, &marks, 160, 24);
    let of = |name: &str| lines.iter().find(|line| line.contains(name)).unwrap().clone();
    assert!(of("node-1").ends_with("+ came 30s ago"), "{lines:#?}");
    assert!(of("node-9").ends_with("- went 20s ago"), "{lines:#?}");
    marks.forget(after(400.0));
    let lines = drawn(&seen, &marks, 160, 24).join("\n");
    assert!(!lines.contains("node-9") && !lines.contains("came"), "{lines}");
}

#[test]
fn no_terminal_is_too_narrow_or_too_low() {
    let nodes = (10..60).map(|at| node(&format!("aks-shards-{at}"), &format!("db-{at}")));
    let mut seen = frame(nodes.collect());
    seen.present.nodes[49].ready = false;
    for (width, rows) in [(200, 50), (80, 24), (40, 10), (40, 3)] {
        let lines = drawn(&seen, &Marks::default(), width, rows);
        assert!(lines.len() <= rows.max(4), "{rows}: {lines:#?}");
        let mut table = lines.iter().filter(|line| line.contains("aks-shards"));
        assert!(table.all(|line| line.chars().count() <= width), "{lines:#?}");
        assert!(
            lines.iter().any(|line| line.contains("more; a taller terminal")),
            "{lines:#?}"
        );
        if rows >= 10 {
            let all = lines.join("\n");
            assert!(all.contains("aks-shards-59"), "what isn't Ready is shown first: {all}");
        }
    }
}

#[test]
fn what_is_old_says_how_old_it_is() {
    let mut seen = frame(vec![node("node-0", "db-0")]);
    let lost = Trouble {
        why: "nodes can't be watched now: connection refused".to_owned(),
        since: after(18.0),
    };
    seen.trouble = Some(lost.clone());
    let lines = drawn(&seen, &Marks::default(), 100, 24);
    assert_eq!(
        lines[1],
        "! what stands here is 42s old: nodes can't be watched now: connection refused"
    );
    let said = trouble(after(18.0), None, Some(&lost), Style::PLAIN);
    assert!(
        said.ends_with("Z  ! nodes can't be watched now: connection refused\n"),
        "{said}"
    );
    let over = trouble(after(78.0), Some(&lost), None, Style::PLAIN);
    assert!(over.ends_with("the cluster is seen again, after 1m 0s\n"), "{over}");
}

#[test]
fn every_change_is_a_line_with_its_time() {
    let said = |movement| change(&moved(5.0, movement), Style::PLAIN);
    let came = said(Movement::NodeCame(passing("n")));
    assert!(
        came.ends_with("Z  + node/n came: Standard_E8s_v5, eastus-1, $0.504 an hour\n"),
        "{came}"
    );
    let shard = |from: Option<&str>, to: Option<&str>| Movement::ShardMoved {
        shard: "db-1".to_owned(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
    };
    assert!(said(shard(Some("a"), Some("b"))).ends_with("~ pod/db-1 is on node/b; it was on node/a\n"));
    assert!(said(shard(Some("a"), None)).ends_with("~ pod/db-1 is on no node; it was on node/a\n"));
    let cost = Movement::CostChanged {
        from: money("1.008"),
        to: money("2.016"),
    };
    assert!(said(cost).ends_with("$ $2.016 an hour, $1,472 a month; it was $1.008\n"));
    let hostile = said(Movement::NodeReady {
        node: "n\u{1b}[2J".to_owned(),
        ready: false,
    });
    assert!(!hostile.trim_end().contains(is_treacherous), "{hostile:?}");
}
