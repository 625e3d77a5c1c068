//! `--refresh-prices` against a local server that answers as the public list is documented to: what is asked, what is kept and
//! used later, and what happens when the list is away, busy, foreign or ambiguous.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::bad_days::{Ran, run};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/ten-shards.json");

/// A list of prices on loopback: every question for machines has two pages of it.
struct List {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl List {
    /// Answers with rows for a filter of machines; `None` answers 503 to all.
    fn of(rows: Option<Vec<Value>>) -> List {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (rows, seen) = (rows.clone(), seen.clone());
                std::thread::spawn(move || serve(&stream, port, rows.as_deref(), &seen));
            }
        });
        List { port, asked }
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}/api/retail/prices", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, port: u16, rows: Option<&[Value]>, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            header.clear();
        }
        asked.lock().unwrap().push(first.trim().to_owned());
        let (status, body) = match rows {
            None => ("503 Busy\r\nretry-after: 0", "busy".to_owned()),
            Some(rows) => ("200 OK", answer(&first, port, rows).to_string()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if (&mut &*stream).write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

/// The rows that a question asks for: the first of them on one page, the others on the next.
fn answer(request: &str, port: u16, rows: &[Value]) -> Value {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let asks = |row: &&Value| {
        let name = row["armSkuName"].as_str().unwrap_or_default();
        let product = row["productName"].as_str().unwrap_or_default().replace(' ', "%20");
        path.contains(&format!("%27{name}%27")) || path.contains(&format!("productName%20eq%20%27{product}%27"))
    };
    let mut found: Vec<Value> = rows.iter().filter(asks).cloned().collect();
    let mut next = Value::Null;
    if path.contains("$skip=") {
        found.drain(..found.len().min(1));
    } else if found.len() > 1 {
        found.truncate(1);
        next = json!(format!("http://127.0.0.1:{port}{path}&$skip=1"));
    }
    json!({"BillingCurrency": "USD", "Count": found.len(), "Items": found, "NextPageLink": next})
}

fn row(change: Value) -> Value {
    let mut row = json!({
        "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": 0.5, "unitPrice": 0.5, "armRegionName": "eastus",
        "location": "US East", "effectiveStartDate": "2022-01-01T00:00:00Z", "meterId": "11111111-a", "meterName": "E16s v5",
        "productId": "P", "skuId": "P/1", "productName": "Virtual Machines Esv5 Series", "skuName": "E16s v5",
        "serviceName": "Virtual Machines", "serviceId": "S", "serviceFamily": "Compute", "unitOfMeasure": "1 Hour",
        "type": "Consumption", "isPrimaryMeterRegion": true, "armSkuName": "Standard_E16s_v5",
    });
    for (key, value) in change.as_object().unwrap() {
        row[key] = value.clone();
    }
    row
}

/// E16s v5 for half of what the built-in table says, its spot price and a Windows machine of the size.
fn rows() -> Vec<Value> {
    vec![
        row(json!({"retailPrice": 0.504})),
        row(json!({"retailPrice": 0.1, "meterId": "s", "meterName": "E16s v5 Spot", "skuName": "E16s v5 Spot"})),
        row(json!({"retailPrice": 9.9, "meterId": "w", "productName": "Virtual Machines Esv5 Series Windows"})),
        row(json!({
            "retailPrice": 135.17, "meterId": "d", "serviceName": "Storage", "armSkuName": "", "unitOfMeasure": "1/Month",
            "productName": "Premium SSD Managed Disks", "meterName": "P30 LRS Disk", "skuName": "P30 LRS",
        })),
    ]
}

/// Someone with a home of their own, who looks at a saved snapshot.
struct Person {
    home: tempfile::TempDir,
}

impl Person {
    fn new() -> Person {
        Person {
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn runs(&self, arguments: &[&str]) -> Ran {
        let mut command = assert_cmd::Command::cargo_bin("shardctl").unwrap();
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("NO_COLOR", "1")
            .args(["packing-summary", "--from", SNAPSHOT, "--kubelet", "kubelet-aks"])
            .args(arguments);
        run(command)
    }

    fn kept(&self) -> PathBuf {
        self.home.path().join(".cache/shardctl/prices/azure-eastus.csv")
    }
}

fn prices(ran: &Ran) -> (Value, Value, Value) {
    let page: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
    let sources = &page["prices"];
    (
        page["present"]["totals"]["hourly"].clone(),
        sources["source"].clone(),
        sources["date"].clone(),
    )
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn prices_asked_for_anew_are_kept_and_used_by_later_runs() {
    let (list, person) = (List::of(Some(rows())), Person::new());
    let (before, source, _) = prices(&person.runs(&["-o", "json"]));
    assert_eq!((before, source), (json!(6.048), json!("built-in")));

    let refresh = ["--refresh-prices", "--prices-url", &list.address()];
    let ran = person.runs(&[&refresh[..], &["-o", "json"]].concat());
    let told = format!(
        "prices of 1 size and 1 disk tier in eastus, kept in {}",
        person.kept().display()
    );
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    let (hourly, source, date) = prices(&ran);
    assert_eq!((hourly, source), (json!(3.024), json!(list.address())));
    let asked = list.asked();
    assert!(
        asked.iter().any(|line| line.contains("$skip=1")),
        "the second page: {asked:?}"
    );
    assert!(
        asked
            .iter()
            .all(|line| line.contains("armRegionName%20eq%20%27eastus%27")),
        "{asked:?}"
    );

    let later = person.runs(&["-o", "json"]);
    assert_eq!(prices(&later), (json!(3.024), json!(list.address()), date.clone()));
    assert_eq!(list.asked().len(), asked.len(), "nobody was asked again");
    let day = date.as_str().unwrap();
    let words = format!("prices: {} as it answered on {day}", list.address());
    person.runs(&[]).says(7, &[&words]);
    // Another region has the built-in prices still.
    let (_, source, _) = prices(&person.runs(&["-o", "json", "--region", "westeurope"]));
    assert_eq!(source, json!("built-in"));
}

#[test]
fn a_list_that_is_away_or_has_nothing_changes_nothing_and_ends_with_7() {
    let person = Person::new();
    let list = List::of(Some(rows()));
    person.runs(&["--refresh-prices", "--prices-url", &list.address()]);
    let kept = read(&person.kept());
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/api/retail/prices", listener.local_addr().unwrap())
    };
    let ran = person.runs(&["--refresh-prices", "--prices-url", &nobody]);
    ran.says(
        7,
        &[
            "failed to ask",
            "without --refresh-prices the prices that are there count",
        ],
    );
    let empty = List::of(Some(Vec::new()));
    let ran = person.runs(&["--refresh-prices", "--prices-url", &empty.address()]);
    ran.says(7, &["has no price of any size in eastus"]);
    assert_eq!(read(&person.kept()), kept);
}

#[test]
fn an_ambiguous_price_is_refused_by_name_and_the_rest_is_taken() {
    let mut rows = rows();
    rows.push(row(
        json!({"retailPrice": 0.7, "meterId": "other", "armSkuName": "Standard_E8s_v5", "meterName": "E8s v5"}),
    ));
    rows.push(row(
        json!({"retailPrice": 0.9, "meterId": "strange", "armSkuName": "Standard_E8s_v5", "meterName": "E8s v5"}),
    ));
    let (list, person) = (List::of(Some(rows)), Person::new());
    let ran = person.runs(&[
        "--refresh-prices",
        "--prices-url",
        &list.address(),
        "-o",
        "csv",
        "--table",
        "sizes",
    ]);
    assert!(
        ran.stderr.contains("not taken: ") && ran.stderr.contains("Standard_E8s_v5"),
        "{}",
        ran.stderr
    );
    let kept = read(&person.kept());
    assert!(kept.contains("\nStandard_E16s_v5,0.504,0.10,"), "{kept}");
    assert!(!kept.contains("Standard_E8s_v5"), "{kept}");
}

#[test]
fn what_was_kept_and_then_damaged_is_said_and_not_used() {
    let (list, person) = (List::of(Some(rows())), Person::new());
    person.runs(&["--refresh-prices", "--prices-url", &list.address()]);
    let whole = read(&person.kept());
    std::fs::write(person.kept(), whole.replace("0.504", "abc")).unwrap();
    person.runs(&[]).says(
        7,
        &[
            "the refreshed prices in",
            "can't be followed: line",
            "the built-in ones count",
            "$6.048 an hour",
        ],
    );
}

#[test]
fn a_question_that_nobody_can_answer_is_a_mistake_in_the_command_line() {
    let person = Person::new();
    let refused = [
        (vec!["--refresh-prices", "--catalog", "x.csv"], "cannot be used with"),
        (vec!["--prices-url", "http://127.0.0.1/"], "--refresh-prices"),
        (
            vec!["--refresh-prices", "--region", "eastsu"],
            "there is no region named eastsu",
        ),
        (
            vec!["--refresh-prices", "--prices-url", "ftp://x/"],
            "--prices-url: `ftp://x/` is no address like",
        ),
        (
            vec!["--refresh-prices", "--prices-url", "https://me:secret@x/"],
            "holds a name or a password",
        ),
    ];
    for (line, words) in refused {
        person.runs(&line).says(2, &[words]);
    }
    assert!(!person.kept().exists());
}
