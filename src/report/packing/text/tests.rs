//! The page as people see it.

use super::*;
use crate::model::money::Money;
use crate::report::packing::testing::{amounts, money, page};
use crate::report::testing::HOSTILE;
use crate::report::untrusted::is_treacherous;

fn at(width: usize, page: &PackingPage) -> String {
    render(page, Style::of_width(width), false)
}

/// All of it, at 80 columns.
const PAGE: &str = r#"shop/db · context test · a shard asks for 32Gi and 2 cores · eastus · 2026-03-01
  06:31:00Z
Now       2 shards on 2 nodes: $1.008 an hour, $736 a month, $368 of it a shard;
          a node that dies takes 1 shard down, a zone 2
          50Gi of memory stranded (nobody asks for it, no shard fits into it),
          $307 a month
Disks     $270 a month beside that, for 2 × P30 LRS: the same in every layout
Cheapest  1 × Standard_E16s_v5: $657 a month, $79 (11%) less than now; a node
          that dies takes 2 shards down, a zone 2
Available 2 × Standard_E8s_v5: $736 a month, as much as now; a node that dies
          takes 1 shard down

Nodes now
  NODE    SIZE             ZONE      MEMORY ASKED FOR       CPU  SHARDS     $/H
  node-0  Standard_E8s_v5  eastus-1  █████▓····  58% loose  29%       1  $0.504
  node-1  Standard_E8s_v5  eastus-1  █████▓····  58% loose  29%       1  $0.504
  █ shards  ▓ DaemonSets  ▒ others  · nobody
  The word is for the larger of memory and CPU: below 70% loose, 70–85% good,
  above 85% tight.

Layouts
                       NODES     $/H  $/MONTH  AGAINST NOW  A SHARD  DOWN/NODE
  now, most available      2  $1.008     $736                  $368          1
  cheapest, balanced       1  $0.900     $657         -$79     $329          2
  Down: so many shards at most when one node dies, or one zone.
  now, most available: 2 × Standard_E8s_v5
  cheapest, balanced: 1 × Standard_E16s_v5

With a little less memory a shard
  31Gi instead of 32Gi: 1 × Standard_E8s_v5, $289.08 a month less than the
    cheapest

How many shards a size holds
  SIZE              SHARDS  BOUND BY  ONE MORE LACKS      $/H  $/MONTH A SHARD
  Standard_E8s_v5        1  memory    only 2Gi memory  $0.504             $368
  Standard_E16s_v5       2  memory    2Gi memory       $0.504             $368
  left out: Standard_X1: no price is known

To have Karpenter buy just the cheapest
  a pool for each size in each zone, like the one that is there, with limits
  that hold just these machines; the shards move there when they are made anew
  and the other pools let no more in
  shardctl packing-summary --pools cheapest | kubectl apply -f -
  then again with --surge 1, so that a drain finds a node

To keep 1 × Standard_E16s_v5 in pool shards
  shards of karpenter.sh/v1, for the stable phase; nothing here is done by
    itself
  1. first the budgets
     - spec.disruption.budgets: 10%
     + spec.disruption.budgets: 0
     kubectl patch nodepools.v1.karpenter.sh shards --type merge -p '{}'
  ! 1 node drifts: Standard_E8s_v5 is no longer among the sizes
    node-0  db-0
  - move one node at a time

What this rests on
  - prices: Azure's list of 2026-06-18, built in, for eastus
"#;

#[test]
fn the_answer_comes_first_then_what_it_is_made_of() {
    assert_eq!(at(80, &page()), PAGE);
}

#[test]
fn no_line_is_wider_than_the_terminal_but_what_is_copied() {
    for width in [80, 120, 200] {
        for line in at(width, &page()).lines().filter(|line| !line.contains("kubectl ")) {
            assert!(textwrap::core::display_width(line) <= width, "{line}");
        }
    }
    let wide = render(&page(), Style::of_width(80), true);
    assert!(wide.contains("THE SHARDS") && wide.contains("RESERVED 1Y"), "{wide}");
}

#[test]
fn what_isnt_known_is_said_and_never_drawn_as_free() {
    let mut page = page();
    page.unread = vec!["what runs beside the shards isn't known: no rights".to_owned()];
    page.warnings = vec!["on no node: db-2".to_owned()];
    for node in &mut page.present.nodes {
        (node.by_others, node.memory_percent, node.grade, node.hourly) = (None, None, None, None);
    }
    page.present.totals.unpriced = vec!["node-0".to_owned(), "node-1".to_owned()];
    let text = at(80, &page);
    assert!(text.contains("what they cost isn't known"), "{text}");
    assert!(text.contains("? what runs beside the shards isn't known"), "{text}");
    assert!(text.contains("! on no node: db-2"), "{text}");
    assert!(text.contains("█████▓????    ? "), "{text}");
}

#[test]
fn a_wish_that_nothing_holds_is_told_before_the_tables() {
    let mut page = page();
    page.layouts.truncate(1);
    page.obstacles = vec!["no size holds a shard".to_owned()];
    page.instead = vec!["12 shards".to_owned()];
    let text = at(80, &page);
    let (place, tables) = (text.find("✗ NO LAYOUT: no size holds"), text.find("Nodes now"));
    assert!(place.is_some() && place < tables, "{text}");
    assert!(
        text.contains("What if   12 shards:") && !text.contains("\nLayouts\n"),
        "{text}"
    );
}

#[test]
fn where_nothing_is_cheaper_that_is_the_answer() {
    let mut page = page();
    page.layouts[1].saved_monthly = Some(Money::ZERO);
    assert!(at(80, &page).contains("✓ nothing that may be bought is cheaper"));
    page.layouts[1].saved_monthly = Some(Money::ZERO.minus(money("12")));
    assert!(at(80, &page).contains("✓ nothing that may be bought is cheaper"));
}

#[test]
fn words_of_a_cluster_steer_no_terminal() {
    let mut page = page();
    page.taken.namespace = HOSTILE.to_owned();
    page.present.nodes[0].node = HOSTILE.to_owned();
    page.present.nodes[0].shards = vec![HOSTILE.to_owned()];
    page.present.nodes[0].by_shards = amounts(70, 1);
    page.layouts[0].zones[0].zone = Some(HOSTILE.to_owned());
    page.advice[0].steps[0].changes[0].to = Some(HOSTILE.to_owned());
    page.advice[0].drifting[0].node = HOSTILE.to_owned();
    page.warnings = vec![HOSTILE.to_owned()];
    let text = render(&page, Style::PLAIN, true);
    for line in text.lines() {
        assert!(!line.contains(is_treacherous), "{line}");
    }
}
