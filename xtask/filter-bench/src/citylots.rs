//! Events and rules in the shape of "citylots", the file that event-ruler is measured with: lots of a city
//! as GeoJSON, five rules of each type. Made up here, the same ones each time.

use serde_json::{Value, json};

const LOTS: usize = 20_000;
const STREETS: [&str; 12] = [
    "ACORN",
    "BLAKE",
    "DRUMM",
    "FULTON",
    "HYDE",
    "JEFFERSON",
    "MASON",
    "MISSION",
    "RHINE",
    "SPRING",
    "UNION",
    "VALENCIA",
];
const TYPES: [&str; 4] = ["ST", "AVE", "BLVD", "CT"];

/// One lot a line.
pub(crate) fn events() -> Vec<String> {
    let mut random = Random(20_261_129);
    (0..LOTS).map(|_| lot(&mut random).to_string()).collect()
}

fn lot(random: &mut Random) -> Value {
    let (block, lot) = (random.below(4000), random.below(200));
    let (x, y) = (random.below(120_000), random.below(120_000));
    let corner = |n: usize| {
        json!({
            "x": -122.5 + (x + 37 * n) as f64 / 1e6,
            "y": 37.7 + (y + 53 * (n % 3)) as f64 / 1e6,
            "z": 0.0,
        })
    };
    let street_type = match random.below(50) {
        0 => Value::Null,
        n => TYPES[n % TYPES.len()].into(),
    };
    json!({
        "type": "Feature",
        "properties": {
            "MAPBLKLOT": format!("{block:04}{lot:03}"),
            "BLKLOT": format!("{block:04}{lot:03}"),
            "BLOCK_NUM": format!("{block:04}"),
            "LOT_NUM": format!("{lot:03}"),
            "FROM_ST": format!("{}", random.below(900)),
            "TO_ST": format!("{}", random.below(900)),
            "STREET": STREETS[random.below(STREETS.len())],
            "ST_TYPE": street_type,
            "ODD_EVEN": if lot % 2 == 0 { "E" } else { "O" },
        },
        "geometry": {
            "type": if random.below(200) == 0 { "MultiPolygon" } else { "Polygon" },
            "firstCoordinates": corner(0),
            "coordinates": (0..8).map(corner).collect::<Vec<_>>(),
        },
    })
}

/// Patterns by type of rule.
pub(crate) fn rules() -> Vec<(&'static str, Vec<Value>)> {
    let five = |of: &dyn Fn(&str) -> Value, texts: [&str; 5]| texts.map(of).to_vec();
    let property = |name: &str, test: Value| json!({ "properties": { name: [test] } });
    let street = |test: Value| property("STREET", test);
    let parcel = |test: Value| property("MAPBLKLOT", test);
    let first = |axis: &str, test: Value| json!({ "geometry": { "firstCoordinates": { axis: [{ "numeric": test }] } } });
    let corner = |kind: &str, axis: &str, test: Value| json!({ "geometry": { "type": [kind], "coordinates": { axis: [{ "numeric": test }] } } });
    let folded = |text: &str| json!({ "equals-ignore-case": text });
    vec![
        (
            "EXACT",
            five(
                &|t| parcel(json!(t)),
                ["1430022", "2607117", "2607118", "3745012", "VACSTWIL"],
            ),
        ),
        (
            "WILDCARD",
            five(
                &|t| parcel(json!({ "wildcard": t })),
                ["143*", "2*0*1*7", "*118", "3*5*2", "VA*IL"],
            ),
        ),
        (
            "PREFIX",
            five(
                &|t| street(json!({ "prefix": t })),
                ["AC", "BL", "DR", "FU", "RH"],
            ),
        ),
        (
            "PREFIX_EQUALS_IGNORE_CASE",
            five(
                &|t| street(json!({ "prefix": folded(t) })),
                ["Ac", "bL", "dR", "Fu", "rH"],
            ),
        ),
        (
            "SUFFIX",
            five(
                &|t| street(json!({ "suffix": t })),
                ["ON", "KE", "MM", "ING", "GO"],
            ),
        ),
        (
            "SUFFIX_EQUALS_IGNORE_CASE",
            five(
                &|t| street(json!({ "suffix": folded(t) })),
                ["oN", "Ke", "mM", "InG", "gO"],
            ),
        ),
        (
            "EQUALS_IGNORE_CASE",
            five(
                &|t| street(folded(t)),
                ["jefferson", "bEaCh", "HyDe", "CHESTNUT", "union"],
            ),
        ),
        (
            "NUMERIC",
            vec![
                first("x", json!(["=", -122.429_163])),
                first("y", json!(["=", 37.75])),
                first("x", json!(["<", -122.416])),
                first("x", json!([">", -122.416])),
                first("x", json!([">", -122.464, "<", -122.406])),
            ],
        ),
        (
            "ANYTHING-BUT",
            five(
                &|t| street(json!({ "anything-but": [t] })),
                ["FULTON", "MASON", "HYDE", "UNION", "NOWHERE"],
            ),
        ),
        (
            "ANYTHING-BUT-IGNORE-CASE",
            five(
                &|t| street(json!({ "anything-but": { "equals-ignore-case": [t] } })),
                ["Fulton", "Mason", "hyde", "union", "nowhere"],
            ),
        ),
        (
            "ANYTHING-BUT-PREFIX",
            five(
                &|t| street(json!({ "anything-but": { "prefix": t } })),
                ["FULTO", "MASO", "HY", "UN", "NO"],
            ),
        ),
        (
            "ANYTHING-BUT-SUFFIX",
            five(
                &|t| street(json!({ "anything-but": { "suffix": t } })),
                ["ULTON", "ASON", "YDE", "ION", "RE"],
            ),
        ),
        (
            "ANYTHING-BUT-WILDCARD",
            five(
                &|t| street(json!({ "anything-but": { "wildcard": t } })),
                ["*ULTO*", "M*N", "H*E", "U*O*", "NO*WHERE"],
            ),
        ),
        (
            "COMPLEX_ARRAYS",
            vec![
                corner("Polygon", "x", json!(["=", -122.429_163])),
                corner("MultiPolygon", "y", json!(["=", 37.75])),
                corner("Polygon", "x", json!(["<", -122.416])),
                corner("Polygon", "x", json!([">", -122.416])),
                corner("Polygon", "x", json!([">", -122.464, "<", -122.406])),
            ],
        ),
    ]
}

/// A linear congruential generator: figures should not depend on a crate's.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}
