//! Rows in the documented shape, and each trap that the list has.

use serde_json::{Value, json};

use super::*;
use crate::model::catalogue::Catalogue;
use crate::model::money::Money;
use crate::model::price::Kind;

const SIZE: &str = "Standard_E16as_v5";

/// A row on demand, with some of its fields changed.
fn row(change: &Value) -> Value {
    let mut row = json!({
        "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": 0.904, "unitPrice": 0.904,
        "armRegionName": "eastus", "location": "US East", "effectiveStartDate": "2022-01-01T00:00:00Z",
        "meterId": "11111111-aaaa", "meterName": "E16as v5", "productId": "DZH318Z08W0T", "skuId": "DZH318Z08W0T/0005",
        "productName": "Virtual Machines Easv5 Series", "skuName": "E16as v5", "serviceName": "Virtual Machines",
        "serviceId": "DZH313Z7MMC8", "serviceFamily": "Compute", "unitOfMeasure": "1 Hour", "type": "Consumption",
        "isPrimaryMeterRegion": true, "armSkuName": SIZE,
    });
    for (key, value) in change.as_object().unwrap() {
        row[key] = value.clone();
    }
    row
}

fn reading(changes: &[Value]) -> Reading {
    let rows: Vec<Value> = changes.iter().map(row).collect();
    let body = json!({"BillingCurrency": "USD", "Items": rows, "NextPageLink": null, "Count": changes.len()});
    let page = page(body.to_string().as_bytes()).unwrap();
    let catalogue = Catalogue::azure(Some("eastus")).unwrap();
    read(
        &page.items,
        &catalogue,
        "eastus",
        "2026-11-21T12:00:00Z".parse().unwrap(),
    )
}

fn price(found: &Reading, kind: Kind) -> Option<Money> {
    found.prices.get(&(SIZE.to_owned(), kind)).copied()
}

fn money(text: &str) -> Option<Money> {
    Some(Money::parse(text).unwrap())
}

#[test]
fn every_way_to_pay_is_read_as_a_price_of_an_hour() {
    let plans =
        json!([{"unitPrice": 0.3, "retailPrice": 0.3, "term": "3 Years"}, {"retailPrice": 0.6, "term": "1 Year"}]);
    let found = reading(&[
        json!({"savingsPlan": plans}),
        json!({"meterId": "s", "meterName": "E16as v5 Spot", "skuName": "E16as v5 Spot", "retailPrice": 0.18}),
        json!({"type": "Reservation", "reservationTerm": "1 Year", "retailPrice": 4380.0}),
        json!({"type": "Reservation", "reservationTerm": "3 Years", "retailPrice": 7884.0}),
        json!({"type": "Reservation", "reservationTerm": "5 Years", "retailPrice": 9000.0}),
    ]);
    assert_eq!(price(&found, Kind::OnDemand), money("0.904"));
    assert_eq!(price(&found, Kind::Spot), money("0.18"));
    assert_eq!(price(&found, Kind::Savings1y), money("0.6"));
    assert_eq!(price(&found, Kind::Savings3y), money("0.3"));
    assert_eq!(price(&found, Kind::Reserved1y), money("0.5"));
    assert_eq!(price(&found, Kind::Reserved3y), money("0.3"));
    assert_eq!(found.refused, Vec::<String>::new());
    assert_eq!(found.passed, [(Passed::Way, 1)].into());
}

#[test]
fn what_is_no_price_of_such_a_machine_is_passed_over() {
    let other = [
        (
            json!({"productName": "Virtual Machines Easv5 Series Windows"}),
            Passed::Product,
        ),
        (json!({"productName": "Easv5 Series CloudServices"}), Passed::Product),
        (json!({"productName": "Easv5 Series Dedicated Host"}), Passed::Product),
        (json!({"serviceName": "Cloud Services"}), Passed::Product),
        (json!({"skuName": "E16as v5 Low Priority"}), Passed::Meter),
        (json!({"meterName": "E16as v5 - Expired"}), Passed::Meter),
        (json!({"type": "DevTestConsumption"}), Passed::Way),
        (json!({"unitOfMeasure": "100 Hours"}), Passed::Unit),
        (json!({"tierMinimumUnits": 100.0}), Passed::Unit),
        (json!({"currencyCode": "EUR"}), Passed::Currency),
        (json!({"armRegionName": "eastus2"}), Passed::Region),
        (json!({"isPrimaryMeterRegion": false}), Passed::Region),
        (json!({"effectiveStartDate": "2026-12-01T00:00:00Z"}), Passed::Date),
        (json!({"effectiveEndDate": "2026-11-01T00:00:00Z"}), Passed::Date),
        (json!({"armSkuName": "Standard_E16as_v99"}), Passed::Unknown),
    ];
    for (mut change, why) in other {
        change["retailPrice"] = json!(1.64);
        let found = reading(&[json!({}), change.clone()]);
        assert_eq!(found.passed, [(why, 1)].into(), "{change}");
        assert_eq!(price(&found, Kind::OnDemand), money("0.904"), "{change}");
        assert!(found.refused.is_empty(), "{change}");
    }
}

#[test]
fn of_a_meter_the_newest_price_in_force_counts() {
    let found = reading(&[
        json!({"retailPrice": 1.1, "effectiveStartDate": "2024-01-01"}),
        json!({"retailPrice": 1.2, "effectiveStartDate": "2025-01-01T00:00:00Z", "effectiveEndDate": "2027-01-01T00:00:00Z"}),
        json!({"retailPrice": 1.0}),
    ]);
    assert_eq!(price(&found, Kind::OnDemand), money("1.2"));
}

#[test]
fn two_prices_of_one_thing_take_the_size_out_and_are_both_named() {
    let found = reading(&[
        json!({}),
        json!({"retailPrice": 1.64, "meterId": "22222222-bbbb", "productName": "Virtual Machines Easv5 Series Linux"}),
        json!({"meterId": "s", "meterName": "E16as v5 Spot", "retailPrice": 0.18}),
    ]);
    assert!(found.prices.is_empty());
    assert_eq!(
        found.refused,
        [format!(
            "{SIZE} has no price: two were found on-demand: 0.904 (Virtual Machines Easv5 Series, E16as v5, meter 11111111) and \
             1.64 (Virtual Machines Easv5 Series Linux, E16as v5, meter 22222222)"
        )]
    );
    // The same price twice is no doubt.
    let found = reading(&[json!({}), json!({"meterId": "22222222-bbbb"})]);
    assert_eq!(price(&found, Kind::OnDemand), money("0.904"));
}

#[test]
fn what_cant_be_is_refused() {
    for nothing in [json!(0.0), json!(-1.0)] {
        let found = reading(&[json!({"retailPrice": nothing})]);
        assert!(found.prices.is_empty() && found.refused.len() == 1, "{found:?}");
    }
    // A total that was taken for an hour, and an hour for a total.
    let reserved = |total: f64| {
        let found = reading(&[
            json!({}),
            json!({"type": "Reservation", "reservationTerm": "1 Year", "retailPrice": total}),
        ]);
        (price(&found, Kind::Reserved1y), found.refused.len())
    };
    assert_eq!(reserved(0.5), (None, 1));
    assert_eq!(reserved(43_800.0), (None, 1));
    assert_eq!(reserved(4_380.0), (money("0.5"), 0));
}

#[test]
fn of_a_disks_meters_the_disk_itself_counts() {
    let disk = |meter: &str, price: f64| {
        json!({
            "serviceName": "Storage", "productName": "Premium SSD Managed Disks", "skuName": "P30 LRS", "meterName": meter,
            "unitOfMeasure": "1/Month", "retailPrice": price, "armSkuName": "Premium_SSD_Managed_Disk_P30", "meterId": meter,
        })
    };
    let mut blob = disk("P30 LRS Disk", 148.0);
    blob["productName"] = json!("Premium Page Blob");
    let found = reading(&[disk("P30 LRS Disk", 135.17), disk("P30 LRS Disk Mount", 6.76), blob]);
    assert_eq!(
        found.disks,
        [("P30 LRS".to_owned(), Money::parse("135.17").unwrap())].into()
    );
    assert_eq!(found.passed, [(Passed::Product, 1), (Passed::Meter, 1)].into());
}

#[test]
fn an_answer_of_another_shape_is_told_from_a_cut_one() {
    let told = |body: &str| page(body.as_bytes()).unwrap_err();
    assert_eq!(told("<html>"), "it isn't JSON");
    assert_eq!(told("{\"Items\": ["), "the JSON ends in the middle");
    assert!(told("{\"Items\": [{}]}").starts_with("it isn't a page of prices: missing field"));
    assert!(told("{}").contains("Items"));
}

#[test]
fn a_filter_names_few_sizes_and_is_fit_for_an_address() {
    let sizes: Vec<String> = (0..31).map(|at| format!("Standard_D{at}s_v5")).collect();
    let all = filters("eastus", sizes.iter().map(String::as_str));
    assert_eq!(all.len(), 3 + 3);
    for size in &sizes {
        let named = format!("armSkuName eq '{size}'");
        assert_eq!(all.iter().filter(|filter| filter.contains(&named)).count(), 1, "{size}");
    }
    assert!(all.iter().all(|filter| filter.contains("armRegionName eq 'eastus'")));
    let asked = query(&all[0]);
    assert!(asked.len() < 2000, "{}", asked.len());
    assert!(asked.contains("&$filter=serviceName%20eq%20%27Virtual%20Machines%27%20and%20"));
    assert!(filters("a'b", [])[0].contains("armRegionName eq 'a''b'"));
}
