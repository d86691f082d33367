//! Addresses, and places smaller than a state, in running text.

use std::sync::LazyLock;

use super::{
    class::Class,
    lists::look_up,
    page::{Page, Span},
    patterns::{Pattern, compiled},
};

const STATES: &str = concat!(
    "A[LKZRAPE]|C[AOT]|D[EC]|F[LM]|G[AU]|HI|I[DLNA]|K[SY]|LA|M[EHDAINSOTP]|N[EVHJMYCD]|O[HKR]|P[ARW]|RI|",
    "S[CD]|T[NX]|UT|V[TIA]|W[AVIY]"
);
const NAMES: &str = concat!(
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|",
    "Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|",
    "Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|",
    "North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|",
    "South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming"
);
const STREETS: &str = concat!(
    "Street|St|Avenue|Ave|Av|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Way|Circle|Cir|",
    "Terrace|Ter|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Square|Sq|Loop|Alley|Plaza|Pike|Row|Run|Path|Crescent",
    "|Close|Gardens|Grove|Mews|Walk|Hill|Green|Turnpike|Crossing|Ridge|Point|Creek|Park|Mount|View|Views|",
    "Heights|Manor|Meadow|Meadows|Estates?|Village|Station|Shore|Shores|Springs?|Summit|Valley|Vista|",
    "Junctions?|Island|Islands|Isle|Inlet|Knoll|Knolls|Lake|Lakes|Land|Landing|Light|Lights|Lock|Locks|",
    "Lodge|Mall|Mill|Mills|Mission|Mountain|Neck|Orchard|Oval|Overpass|Pass|Passage|Pine|Pines|Plain|",
    "Plains|Port|Ports|Prairie|Radial|Ramp|Ranch|Rapid|Rapids|Rest|River|Route|Rue|Shoal|Shoals|Skyway|",
    "Spur|Stravenue|Stream|Throughway|Trace|Track|Trafficway|Tunnel|Underpass|Union|Unions|Via|Viaduct|",
    "Ville|Wall|Walks|Ways|Well|Wells|Bayou|Beach|Bend|Bluff|Bluffs|Bottom|Branch|Bridge|Brook|Brooks|",
    "Burg|Burgs|Bypass|Camp|Canyon|Cape|Causeway|Center|Centers|Centre|Circles|Cliff|Cliffs|Club|Common|",
    "Commons|Corner|Corners|Course|Courts|Cove|Coves|Crest|Crossroad|Curve|Dale|Dam|Divide|Drives|",
    "Expressway|Extension|Extensions|Fall|Falls|Ferry|Field|Fields|Flat|Flats|Ford|Fords|Forest|Forge|",
    "Forges|Fork|Forks|Fort|Freeway|Garden|Gateway|Glen|Glens|Greens|Groves|Harbor|Harbors|Haven|Hills|",
    "Hollow|Key|Keys|Squares|Streets|Roads|Ridges|Parks|Parkways|Plazas|Points"
);

static STREET: Pattern = LazyLock::new(|| {
    let unit = r"(?:,? ?(?:(?i:apt|apartment|suite|ste|unit|bldg|floor|fl|room|rm|lot)\b\.?|#) ?#?[\w-]{1,8})?";
    let town = format!(
        r"(?:,? (?:[A-Z][\w.'-]*[ ,]{{1,2}}){{1,4}}(?:{STATES}|{NAMES})\b(?:,? ?\d{{5}}(?:-\d{{4}})?)?|,? \d{{5}}(?:-\d{{4}})?\b)?"
    );
    compiled(&format!(
        r"\b\d{{1,6}}[A-Za-z]?(?:-\d+)?(?: ?1/2)?,? (?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.? )?(?:[A-Z\d][\w.'’-]*,? ){{1,4}}?(?:(?i:{STREETS}))\b\.?(?: (?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\b\.?)?{unit}{town}"
    ))
});

/// Post office boxes, military addresses, and addresses as they are written elsewhere.
static OTHER: Pattern = LazyLock::new(|| {
    compiled(&format!(
        r"(?:\b(?:P\.? ?O\.?|(?i:post office)) ?(?i:box) ?#?\d+|\b(?:PSC|Unit|CMR) \d{{1,6}},? Box \d{{1,6}}|\b(?:USNS|USNV|USS|USCGC) [A-Z]\w+|\b(?:FPO|APO|DPO),? A[AEP] \d{{5}})(?:,? (?:[A-Z][\w.'-]*[ ,]{{1,2}}){{1,4}}(?:{STATES})\b(?: \d{{5}}(?:-\d{{4}})?)?)?|(?:\b\d{{1,5}}(?: ?(?:bis|ter|[a-d]))?,? )?\b(?:rue|avenue|boulevard|chemin|allée|impasse|place|quai|via|viale|piazza|calle|avenida|carrer|paseo|plaza|rua|praça|Rue|Via|Viale|Piazza|Calle|Avenida|Rua) (?:(?:de|du|des|la|le|les|del|della|d'|de la|dos|da|l')\s?){{0,2}}[A-ZÀ-Ý][\w'À-ÿ-]+(?: [A-ZÀ-Ý][\w'À-ÿ-]+){{0,3}}(?:,? (?:n[.º°] ?)?\d{{1,5}})?(?:,? \d{{4,5}}(?:-\d{{3}})? [A-ZÀ-Ý][\w'À-ÿ-]+)?|\b[A-ZÄÖÜ][\wäöüß.-]*(?:straße|strasse|str\.|weg|platz|gasse|allee|ring|ufer|damm|straat|laan|gatan|vägen|gade|vej)\.? \d{{1,4}} ?[a-z]?\b(?:,? (?:D-)?\d{{4,5}} [A-ZÄÖÜ][\wäöüß-]+(?: [A-ZÄÖÜ][\wäöüß-]+)?)?|\b[A-Z]{{1,2}}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{{2}}\b|\b[ABCEGHJ-NPRSTVXY]\d[A-Z] \d[A-Z]\d\b"
    ))
});

/// A town before its state.
static TOWN: Pattern = LazyLock::new(|| {
    compiled(&format!(
        r"\b(?:[A-Z][a-zA-Z.'-]+ ){{0,3}}[A-Z][a-zA-Z.'-]+, ?(?:(?:{STATES})\b(?:,? (\d{{5}}(?:-\d{{4}})?\b))?|(?:{NAMES})\b)|\b(?:{STATES}),? \d{{5}}(?:-\d{{4}})?\b"
    ))
});

/// A town behind a word of living there.
static LIVES: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"\b(?:(?i:lives?|living|lived|residing|resides?|resided|resident|moved|relocated|native|born|grew up|",
        r"raised|originally|hometown|commutes|travell?ed|city|town|village|county|neighborhood|moving|",
        r"staying)(?: is| was)? (?i:in|at|of|to|from|near|outside|is|was|named)|hails from|(?i:patient|pt|male",
        r"|female|man|woman|gentleman|lady|y/o|yo|old|he|she) (?:is )?from|home (?:in|is))(?: the)?(?: (?:city",
        r"|town|county|village|suburb|outskirts) of)? ((?:(?:San|Santa|St\.|Saint|Los|Las|El|La|Fort|Port|New|",
        r"North|South|East|West|Lake|Mount) )?[A-Z][\w'’À-ÿ-]+(?: [A-Z][\w'’À-ÿ-]+){0,2}(?: County)?)"
    ))
});

/// A town or county by its own ending.
static COUNTY: Pattern = LazyLock::new(|| {
    compiled(
        r"\b(?:[A-Z][\w'-]+ ){1,2}(?:County|Parish|Township|Borough)\b|\b(?i:zip|postal)(?i: ?code)?(?: is|:)? (\d{5}(?:-\d{4})?)\b",
    )
});

/// `Smith, MD` is a doctor, and not in Maryland.
fn is_degree(town: &str) -> bool {
    let name = town.strip_suffix("MD").or_else(|| town.strip_suffix("PA"));
    name.is_some_and(|name| name.split([' ', ',']).any(|word| look_up(word).name()))
}

/// Places in a text.
pub(super) fn find(page: &Page, found: &mut Vec<Span>) {
    let text = page.text.as_str();
    let mut tell = |class: Class, start: usize, end: usize| {
        if start >= page.stamp {
            found.push(Span { class, start, end });
        }
    };
    if page.marks.states || page.person && page.marks.digits {
        for town in TOWN.iter().flat_map(|town| town.captures_iter(text)) {
            let Some(whole) = town.get(0) else { continue };
            if town.get(1).is_some() || page.person && !is_degree(whole.as_str()) {
                tell(Class::Address, whole.start(), whole.end());
            }
        }
    }
    if !page.person || !page.marks.capitals {
        return;
    }
    for pattern in [&STREET, &OTHER] {
        for address in pattern.iter().flat_map(|pattern| pattern.find_iter(text)) {
            let glued = text[..address.start()]
                .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':'));
            if !glued {
                tell(Class::Address, address.start(), address.end());
            }
        }
    }
    if !page.marks.digits {
        for town in TOWN.iter().flat_map(|town| town.find_iter(text)).filter(|town| !is_degree(town.as_str())) {
            tell(Class::Address, town.start(), town.end());
        }
    }
    for place in LIVES.iter().flat_map(|lives| lives.captures_iter(text)) {
        if let Some(town) = place.get(1) {
            tell(Class::Address, town.start(), town.end());
        }
    }
    for county in COUNTY.iter().flat_map(|county| county.captures_iter(text)) {
        match (county.get(1), county.get(0)) {
            (Some(zip), _) => tell(Class::Zip, zip.start(), zip.end()),
            (None, Some(whole)) => tell(Class::Address, whole.start(), whole.end()),
            _ => {}
        }
    }
}
