//! Azure's public list of retail prices as it is asked and as it answers: filters, pages, rows.
//!
//! Source: "Azure Retail Prices overview" of Azure's documentation, API version 2023-01-01-preview. That version alone has
//! savings plans, and its filters tell capitals from small letters.

mod reading;
#[cfg(test)]
mod tests;

use serde::Deserialize;

pub use reading::{Passed, Reading, read};

/// Where the list is.
pub const ADDRESS: &str = "https://prices.azure.com/api/retail/prices";
/// What is asked of it beside the filter: the version with savings plans, the meters that bills name, US dollars.
const ASKED: &str = "api-version=2023-01-01-preview&meterRegion=%27primary%27&currencyCode=%27USD%27";
/// How many sizes one filter names. A server of such filters takes a hundred terms by default; a size makes four, and the
/// address stays below two thousand letters, which every proxy lets through.
pub const SIZES_A_FILTER: usize = 15;
/// The disks that are billed by tiers.
pub(super) const DISKS: [&str; 3] = [
    "Premium SSD Managed Disks",
    "Standard SSD Managed Disks",
    "Standard HDD Managed Disks",
];

/// A page of the answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Page {
    /// The rows.
    pub items: Vec<Row>,
    /// Where the next page is; none, or empty, on the last.
    pub next_page_link: Option<String>,
}

/// One price.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The currency.
    pub currency_code: String,
    /// From how many units on it holds.
    pub tier_minimum_units: f64,
    /// The price of a unit; of a reservation that of the whole term.
    pub retail_price: f64,
    /// The region.
    pub arm_region_name: String,
    /// From when on it holds.
    pub effective_start_date: String,
    /// Until when; none where that isn't set.
    pub effective_end_date: Option<String>,
    /// What is counted, by its number.
    pub meter_id: String,
    /// The same by its name: `E16as v5 Spot`.
    pub meter_name: String,
    /// The product: `Virtual Machines Easv5 Series`.
    pub product_name: String,
    /// Its variant.
    pub sku_name: String,
    /// The service: `Virtual Machines`, `Storage`.
    pub service_name: String,
    /// What one of it is: `1 Hour`, also of reservations.
    pub unit_of_measure: String,
    /// `Consumption`, `Reservation`, `DevTestConsumption`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether bills name this meter.
    #[serde(default = "yes")]
    pub is_primary_meter_region: bool,
    /// The size: `Standard_E16as_v5`.
    #[serde(default)]
    pub arm_sku_name: Option<String>,
    /// How long a reservation is.
    #[serde(default)]
    pub reservation_term: Option<String>,
    /// What an hour costs under a savings plan.
    #[serde(default)]
    pub savings_plan: Option<Vec<SavingsPlan>>,
}

/// What an hour costs under a savings plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavingsPlan {
    /// The price of a unit.
    pub retail_price: f64,
    /// For how long.
    pub term: String,
}

const fn yes() -> bool {
    true
}

/// Reads a page.
///
/// # Errors
/// A clause that says why it is none: no JSON, or JSON of another shape.
pub fn page(body: &[u8]) -> Result<Page, String> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => "the JSON ends in the middle".to_owned(),
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it isn't JSON".to_owned(),
        serde_json::error::Category::Data => format!("it isn't a page of prices: {error}"),
    })
}

/// The filters that together ask for all prices of these sizes in a region, and of its disks.
pub fn filters<'a>(region: &str, sizes: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let sizes: Vec<String> = sizes
        .into_iter()
        .map(|size| format!("armSkuName eq {}", quoted(size)))
        .collect();
    let place = format!("armRegionName eq {}", quoted(region));
    let machines = sizes.chunks(SIZES_A_FILTER).map(|some| {
        let any = some.join(" or ");
        format!("serviceName eq 'Virtual Machines' and {place} and ({any})")
    });
    let disks = DISKS.iter().map(|product| {
        format!(
            "serviceName eq 'Storage' and {place} and productName eq {}",
            quoted(product)
        )
    });
    machines.chain(disks).collect()
}

/// What comes after the list's address to ask with a filter.
pub fn query(filter: &str) -> String {
    format!("{ASKED}&$filter={}", encoded(filter))
}

/// A text in a filter: a quote in it is doubled.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn encoded(text: &str) -> String {
    let mut all = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~()".contains(&byte) {
            all.push(char::from(byte));
        } else {
            all.push_str(&format!("%{byte:02X}"));
        }
    }
    all
}
