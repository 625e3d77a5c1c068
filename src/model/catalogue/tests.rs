//! The built-in catalogue whole, and files that are right or wrong.

use super::*;
use crate::model::money::Money;
use crate::model::price::Known;

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn refused<T: fmt::Debug>(result: Result<T, Refused>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_built_in_table_is_whole() {
    let regions = Catalogue::regions().unwrap();
    assert_eq!(regions.len(), 57);
    let (mut prices, mut corrected) = (0, 0);
    for region in &regions {
        let catalogue = Catalogue::azure(Some(region)).unwrap();
        assert_eq!(catalogue.sizes().count(), 370);
        for size in catalogue.sizes() {
            let Some(price) = catalogue.price(&size.name, Kind::OnDemand) else {
                continue;
            };
            prices += 1;
            corrected += usize::from(price.known == Known::Corrected);
        }
        // A reservation or a spot machine that costs more than the list's price would be a slip.
        for size in catalogue.sizes() {
            let listed = catalogue.price(&size.name, Kind::OnDemand);
            for (kind, price) in catalogue.prices(&size.name).filter(|(kind, _)| *kind != Kind::OnDemand) {
                let listed = listed.unwrap_or_else(|| panic!("{} in {region}: {kind} alone", size.name));
                assert!(price.hourly < listed.hourly, "{} in {region}: {kind}", size.name);
            }
        }
    }
    assert_eq!((prices, corrected), (17_798, 885));
}

/// The figures that tables which people copy around have wrong.
#[test]
fn the_known_figures_are_right() {
    let catalogue = Catalogue::azure(Some("eastus")).unwrap();
    let size = catalogue.size("Standard_E16s_v5").unwrap();
    assert_eq!((size.vcpu, size.memory / GIB, size.data_disks), (16, 128, Some(32)));
    let price = |name: &str, kind| catalogue.price(name, kind).unwrap().hourly;
    assert_eq!(price("Standard_E16s_v5", Kind::OnDemand), money("1.008"));
    assert_eq!(price("Standard_E16s_v5", Kind::Spot), money("0.212285"));
    assert_eq!(catalogue.seen("Standard_E16s_v5"), Some("2026-07-23"));
    assert_eq!(catalogue.price("Standard_E32s_v5", Kind::Spot), None);
    let east2 = Catalogue::azure(Some("eastus2")).unwrap();
    assert_eq!(
        east2.price("Standard_E4s_v5", Kind::Reserved1y).unwrap().hourly,
        money("0.14863")
    );
    let west = Catalogue::azure(Some("westeurope")).unwrap();
    assert_eq!(
        west.price("Standard_E16s_v5", Kind::Reserved3y).unwrap().known,
        Known::Converted
    );
}

#[test]
fn without_a_region_there_are_sizes_and_no_prices() {
    let catalogue = Catalogue::azure(None).unwrap();
    assert_eq!(catalogue.prices("Standard_E16s_v5").count(), 0);
    assert!(
        catalogue
            .sizes()
            .all(|size| catalogue.prices(&size.name).next().is_none())
    );
}

#[test]
fn an_unknown_name_is_refused_with_those_that_are_known() {
    let Err(Refused::Unknown(unknown)) = Catalogue::azure(Some("eastus3")) else {
        panic!("eastus3 isn't known");
    };
    assert_eq!(unknown.to_string(), "there is no region named eastus3");
    assert!(unknown.known.contains(&"eastus".to_owned()) && !unknown.known.contains(&"vcpu".to_owned()));
    assert!(Catalogue::azure(Some("vcpu")).is_err());
    let catalogue = Catalogue::azure(Some("eastus")).unwrap();
    let unknown = catalogue.size("Standard_E16_v9").unwrap_err();
    assert_eq!(unknown.known.len(), 370);
}

#[test]
fn a_price_file_stands_for_the_built_in_prices_where_it_says_something() {
    let mut catalogue = Catalogue::azure(Some("eastus")).unwrap();
    let file = "region,size,on-demand,reserved-1y\neastus,Standard_E16s_v5,0.9,\neastus,Standard_E8s_v5,,0.3\nwesteurope,Standard_E16s_v5,5,\n";
    assert_eq!(catalogue.take_prices(file), Ok(2));
    let price = |name: &str, kind| catalogue.price(name, kind).unwrap();
    assert_eq!(price("Standard_E16s_v5", Kind::OnDemand).hourly, money("0.9"));
    assert_eq!(price("Standard_E16s_v5", Kind::OnDemand).known, Known::Given);
    assert_eq!(price("Standard_E16s_v5", Kind::Spot).known, Known::Listed);
    assert_eq!(price("Standard_E8s_v5", Kind::OnDemand).hourly, money("0.504"));
    assert_eq!(price("Standard_E8s_v5", Kind::Reserved1y).hourly, money("0.3"));
}

#[test]
fn a_price_file_has_disks_by_the_month() {
    let mut catalogue = Catalogue::azure(Some("eastus")).unwrap();
    assert_eq!(catalogue.disk_price("P30 LRS"), None);
    let file = "size,on-demand,a-month\nP30 LRS,,135.17\nStandard_E8s_v5,0.4,\n";
    assert_eq!(catalogue.take_prices(file), Ok(2));
    assert_eq!(catalogue.disk_price("P30 LRS"), Some(money("135.17")));
}

#[test]
fn a_price_file_with_a_hole_a_duplicate_or_a_slip_changes_nothing() {
    let mut catalogue = Catalogue::azure(Some("eastus")).unwrap();
    let mut told = |file: &str| refused(catalogue.take_prices(file));
    let wrong = [
        (
            "size,on-demand\nStandard_E8s_v5,0.1\nStandard_E16s_v5,\n",
            "line 3: no price for Standard_E16s_v5",
        ),
        (
            "size,on-demand\nStandard_E8s_v5,0.1\nStandard_E8s_v5,0.2\n",
            "line 3: Standard_E8s_v5 is there twice",
        ),
        ("size,on-demand\n,0.2\n", "line 2: size is empty"),
        (
            "size,region,on-demand\nStandard_E8s_v5,,0.2\n",
            "line 2: region is empty",
        ),
        ("size,on-demand\nStandard_E8s_v5,0.1,0.2\n", "line 2: has 3 cells"),
        (
            "size,on-demand\nStandard_E8s_v5,0\n",
            "line 2: on-demand: a machine for nothing",
        ),
        (
            "size,on-demand\nStandard_E8s_v5,-1\n",
            "line 2: on-demand: `-1` is not a number of dollars",
        ),
        (
            "size,ondemand\nStandard_E8s_v5,1\n",
            "line 1: no column is named ondemand",
        ),
        ("on-demand\n1\n", "line 1: the column size is missing"),
        (
            "size,on-demand\nStandard_E8_v5,1\n",
            "there is no size named Standard_E8_v5",
        ),
        ("", "line 1: there is no table here"),
        (
            "size,on-demand\nP30 LRS,135\n",
            "line 2: P30 LRS is a disk, which is paid for by the month",
        ),
        (
            "size,a-month\nStandard_E8s_v5,135\n",
            "line 2: Standard_E8s_v5 is no disk's tier",
        ),
        ("size,a-month\nP30 LRS,\n", "line 2: no price for P30 LRS"),
        ("size,a-month\nP30 LRS,0\n", "line 2: a-month: a disk for nothing"),
        ("size,a-month\nP30 LRS,1\nP30 LRS,1\n", "line 3: P30 LRS is there twice"),
    ];
    for (file, expected) in wrong {
        let said = told(file);
        assert!(said.starts_with(expected), "{file}: {said}");
    }
    let price = catalogue.price("Standard_E8s_v5", Kind::OnDemand).unwrap();
    assert_eq!((price.hourly, price.known), (money("0.504"), Known::Listed));
}

const AWS: &str = "\
# eu-west-1 and eu-central-1
size,vcpu,memory,arch,data_disks,max_pods,region,on-demand,spot
r6i.2xlarge,8,64Gi,amd64,27,58,eu-west-1,0.564,0.2
r6i.2xlarge,8,64Gi,amd64,27,58,eu-central-1,0.608,
r6g.2xlarge,8,64Gi,arm64,27,58,eu-west-1,0.4512,
";

#[test]
fn a_catalogue_of_another_cloud_is_read_for_a_region() {
    let catalogue = Catalogue::of_file(AWS, Some("eu-west-1")).unwrap();
    assert_eq!(catalogue.sizes().count(), 2);
    let size = catalogue.size("r6g.2xlarge").unwrap();
    assert_eq!(
        (size.arch.as_str(), size.max_pods, size.memory),
        ("arm64", Some(58), 64 * GIB)
    );
    assert_eq!(catalogue.price("r6i.2xlarge", Kind::Spot).unwrap().hourly, money("0.2"));
    let central = Catalogue::of_file(AWS, Some("eu-central-1")).unwrap();
    assert_eq!(
        central.price("r6i.2xlarge", Kind::OnDemand).unwrap().hourly,
        money("0.608")
    );
    assert_eq!(central.price("r6g.2xlarge", Kind::OnDemand), None);
    assert_eq!(
        refused(Catalogue::of_file(AWS, Some("eu-west-9"))),
        "there is no region named eu-west-9"
    );
}

#[test]
fn a_catalogue_with_a_slip_is_refused_with_its_line() {
    let head = "size,vcpu,memory,allocatable_memory,allocatable_cpu,isolated,data_disks,region\n";
    let wrong = [
        (
            "a,8,64GB,,,,,r\n",
            "line 2: memory: `64GB` is not a quantity: Kubernetes has 64Gi",
        ),
        ("a,8,64,,,,,r\n", "line 2: memory: `64` is 64 bytes"),
        ("a,0,64Gi,,,,,r\n", "line 2: vcpu: `0` is no number"),
        ("a,,64Gi,,,,,r\n", "line 2: vcpu is empty"),
        (
            "a,8,64Gi,60Gi,,,,r\n",
            "line 2: allocatable_memory and allocatable_cpu belong together",
        ),
        (
            "a,8,64Gi,65Gi,7,,,r\n",
            "line 2: allocatable_memory is more than memory",
        ),
        ("a,8,64Gi,60Gi,9,,,r\n", "line 2: allocatable_cpu is more than vcpu"),
        ("a,8,64Gi,,,maybe,,r\n", "line 2: isolated: `maybe`"),
        ("a,8,64Gi,,,,-1,r\n", "line 2: data_disks: `-1`"),
        (
            "a,8,64Gi,,,,,r\na,8,64Gi,,,,,r\n",
            "line 3: a is there already, on line 2",
        ),
        ("a,8,64Gi,,,,,r\na,8,32Gi,,,,,s\n", "line 3: a is another machine"),
        ("a,8,64Gi,,,,,\n", "line 2: region is empty"),
        ("", "line 1: there are no sizes here"),
    ];
    for (rows, expected) in wrong {
        let said = refused(Catalogue::of_file(&format!("{head}{rows}"), Some("r")));
        assert!(said.starts_with(expected), "{rows}: {said}");
    }
}
