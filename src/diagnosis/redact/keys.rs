//! What the key of a value says about the value: `patientName`, `date_of_birth`, `Home phone`, `x-api-key`.
//!
//! A key is cut into words; the table says which words in a row name an identifier. Whoever writes `ptFirstNm` is not
//! understood: such keys are for the patterns of the platform file.

use std::{cell::RefCell, collections::HashMap, sync::LazyLock};

use super::class::Class;

/// How much a key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Says {
    /// The value is one if it looks like one.
    Perhaps,
    /// The value is one if it holds a digit, or the text is about a person.
    Likely,
    /// Whatever the value is, it is one.
    Surely,
}

/// What a key names.
pub(super) type Named = (Class, Says);

use Class::{
    Account, Address, Age, Biometric, Date, Device, Email, Fax, Id, Ip, Licence, Mrn, Name, Phone, Photo, Plan, Secret,
    Ssn, Url, Vehicle, Zip,
};
use Says::{Likely, Perhaps, Surely};

/// Words in a row, `|` between alternatives.
const TABLE: &[(Class, Says, &str)] = &[
    (
        Name,
        Surely,
        "first name|last name|middle name|full name|given name|family name|maiden name|sur name|surname|fname|lname|mname|\
         patient name|pt name|member name|subscriber name|insured name|guarantor name|doctor name|dr name|physician name|\
         provider name|nurse name|contact name|emergency contact|next of kin|mother name|father name|mothers name|\
         mothers maiden name|spouse name|employee name|customer name|person name|legal name|preferred name|nick name|\
         nickname|card holder|cardholder name|holder name|account holder|beneficiary name|caregiver name|guardian name|\
         client name|caller name|recipient name|sender name|applicant name|resident name|participant name|child name|\
         name on card|billing name|shipping name|attending physician|referring physician|referring provider|\
         ordering provider|ordering physician|attending provider|primary care provider|primary care physician|attending|\
         operator name|staff name|clinician name|surgeon name|relative name|parent name|alias name|given names|\
         first names|last names|forename|fore name|firstname|lastname|nombre|apellido|apellidos|vorname|nachname|prenom|\
         name first|name last|name given|name family|name middle|middle initial|initials|signed by|dictated by|\
         transcribed by|responsible party|insured person|policy holder|policyholder|policy holder name",
    ),
    (
        Name,
        Likely,
        "patient|guarantor|subscriber|insured|physician|surgeon|clinician|nurse|doctor|caregiver|guardian|spouse|mother|father|\
         pcp|kin|cardholder|beneficiary|practitioner|radiologist|pathologist|anesthesiologist|pharmacist|therapist|\
         technician|witness|interpreter|caller|employee|customer|person|contact|attn|user name|username|user full name|\
         display name|real name|resident|participant|relative|parent|wife|husband|son|daughter|sibling|brother|sister|\
         prescriber|dispenser|referred by|seen by|ordered by|reviewed by|verified by|performed by|requested by|\
         approved by|created by|modified by|updated by|accessed by|entered by|collected by|admitted by|viewed by|screen name|\
         login name|user login|account name|reporter|assignee|recipient|dear|member",
    ),
    (Name, Perhaps, "name|display|author|by|from|to|user|owner|sender|subject|actor|agent|login"),
    (
        Date,
        Surely,
        "dob|d o b|birth date|birth time|death time|date of birth|birthdate|birthday|birth day|birth dt|born|born on|death date|date of death|\
         deceased date|deceased|dod|died|admission date|admit date|admitted|date of admission|admission|admit date time|\
         admission date time|discharge date|date of discharge|discharged|discharge date time|discharge dt|admit dt|\
         date of service|service date|dos|visit date|date of visit|appointment date|appointment|appt date|appt|\
         encounter date|surgery date|date of surgery|procedure date|onset date|onset|diagnosis date|date of diagnosis|\
         hire date|date of hire|collection date|collected on|exam date|test date|injury date|date of injury|\
         date of death|birth|fecha nacimiento|geburtsdatum|date naissance|date of marriage|marriage date|\
         enrollment date|enrolled on|immunization date|vaccination date|vaccine date|last visit|next visit|\
         next appointment|last seen on|follow up date|followup date|fill date|refill date|prescribed on|prescription date|\
         deceased date time|birth date time|effective date time|onset date time|performed date time|authored on|\
         recorded date|occurrence date time|asserted date|date asserted|specimen date|transplant date|implant date|\
         coverage start|coverage end|coverage date|expiration date|expiry date|admit time|discharge time|date of exam|\
         date of test|date of procedure|date of accident|accident date|date of onset|due date|delivery date|edd|lmp",
    ),
    (
        Date,
        Perhaps,
        "date|effective date|issued|issue date|start date|end date|start|end|scheduled|on|since|when|effective",
    ),
    (Age, Surely, "age|patient age|age years|age in years|aged"),
    (
        Phone,
        Surely,
        "phone|telephone|tel|mobile|cell|cellphone|cell phone|mobile phone|contact number|callback|call back|msisdn|telecom|\
         pager|whatsapp|telefon|telefono|home phone|work phone|phone number|sms|mobile number|daytime phone|phone no",
    ),
    (Fax, Surely, "fax|facsimile|fax number|telefax"),
    (Email, Surely, "email|e mail|mail|email address|mailto|mail address"),
    (
        Ssn,
        Surely,
        "ssn|social security|soc sec|socsec|social security number|social|tin|itin|tax id|taxpayer id|ss|last 4 ssn|ssn last 4|\
         ssn4|national id|national identifier|national insurance number|nhs number|sin number|aadhaar|social insurance",
    ),
    (
        Mrn,
        Surely,
        "mrn|medical record|med rec|medical record number|medrec|chart number|chart no|chart id|record number|patient id|\
         patient number|patient no|patient identifier|pt id|ptid|pat id|patid|hospital number|emrn|empi|mpi|mpi id|mr number|\
         patient account|chart|mrno|medical rec|unit record|mr|patient mrn|patient ref|patient code|patient key|\
         patient uuid|patient guid|patient external id|patient internal id|subject id|hospital id|emr id|ehr id",
    ),
    (
        Plan,
        Surely,
        "member id|member number|member no|subscriber id|subscriber number|policy number|policy no|policy id|policy|\
         beneficiary id|beneficiary number|health plan|health plan id|health plan number|plan number|plan id|plan member|\
         insurance id|insurance number|insurance policy|insurance member|insurance card|group number|group no|medicare|\
         medicaid|mbi|hicn|medicare number|medicaid number|medicare id|medicaid id|insured id|coverage id|hic|\
         subscriber|beneficiary|member|insurance|payer member id|cardholder id|rx bin|rx group|group policy|certificate holder id",
    ),
    (
        Account,
        Surely,
        "account number|account no|acct|acct no|acct number|account id|acct id|iban|routing|routing number|card number|card no|\
         credit card|debit card|cc number|cc|ccn|pan|bank account|billing account|guarantor account|cvv|cvc|aba|bank|swift|bic|\
         billing id|account|card|payment card|bankaccount|billing number|credit card number|guarantor number|guarantor id",
    ),
    (
        Licence,
        Surely,
        "license|licence|driver license|drivers license|driver licence|driving licence|dl|dl number|dln|dea|dea number|npi|\
         npi number|certificate number|certificate no|cert number|cert no|license number|licence number|lic|lic no|\
         license no|medical license|passport|passport number|passport no|state id|professional license|nursing license|\
         board certification|birth certificate|death certificate|certification number|state license|upin|pilot license",
    ),
    (
        Vehicle,
        Surely,
        "vin|license plate|licence plate|plate|plate number|plate no|number plate|tag number|vehicle|vehicle id|\
         vehicle identification|vehicle registration|registration plate|car plate|reg plate|vehicle number|vehicle plate|\
         vehicle identifier|vehicle tag|registration number",
    ),
    (
        Device,
        Surely,
        "device id|device serial|serial number|serial no|device identifier|udi|imei|imsi|iccid|meid|implant|implant id|\
         implant serial|pacemaker|pacemaker serial|pump serial|pump id|device number|equipment id|android id|idfa|\
         advertising id|device sn|serial|device udi|monitor id|monitor serial|sensor id|sensor serial|device|mac address|mac|\
         defibrillator|glucometer|cgm serial|hearing aid|prosthesis|insulin pump|infusion pump|icd serial|lot number|\
         device mac|bluetooth address|device uid|sn",
    ),
    (
        Url,
        Surely,
        "website|web site|home page|homepage|web page|webpage|personal url|profile url|profile link|linkedin|facebook|twitter|\
         instagram|blog|personal website|profile page|portal url|portal link|web address|social media|patient url|patient link|\
         web url|personal page|personal site|video url|video link|telehealth url|telehealth link|join url|share link|\
         share url|web|record url|chart url|results url|personal web",
    ),
    (Url, Perhaps, "url|uri|link|href|page|site|profile"),
    (
        Ip,
        Surely,
        "client ip|patient ip|user ip|remote addr|remote address|remote ip|x forwarded for|forwarded for|x real ip|real ip|\
         login ip|visitor ip|caller ip|home ip|device ip|member ip|customer ip|portal ip|access ip|last ip|last login ip|\
         ip client|session ip|originating ip|requester ip|signup ip|browser ip|from ip",
    ),
    (
        Ip,
        Likely,
        "ip|ip address|ip addr|ipaddr|ipv4|ipv6|source ip|src ip|source address|src addr|peer ip|ips|source|src|origin",
    ),
    (
        Biometric,
        Surely,
        "fingerprint|finger print|retina|retinal|retina scan|retinal scan|iris|iris scan|iris code|voice print|voiceprint|\
         face print|faceprint|face id|facial|biometric|biometrics|palm|palm print|palmprint|thumb print|thumbprint|\
         face template|facial recognition|face encoding|face embedding|voice sample|voice id|gait|dna|dna sample|\
         genetic|genome|biometric hash|biometric id|fingerprint hash|fingerprint id|hand geometry|vein|palm vein|retina hash",
    ),
    (
        Photo,
        Surely,
        "photo|photograph|picture|avatar|portrait|head shot|headshot|face image|selfie|mug shot|mugshot|profile image|\
         profile picture|profile photo|profile pic|patient image|patient photo|photo id|photo url|image url|photo file|\
         face photo|id photo|wound photo|photo path|picture url|photo ref|image file|image path|full face|facial image",
    ),
    (Photo, Perhaps, "image|file|attachment|scan|filename|file name|img|jpg|jpeg"),
    (
        Address,
        Surely,
        "street|street address|home address|mailing address|billing address|residential address|address line|addr line|\
         addr 1|addr 2|address 1|address 2|city|town|county|village|precinct|residence|birth place|birthplace|\
         place of birth|po box|apartment|apt|neighborhood|neighbourhood|municipality|latitude|longitude|geolocation|\
         gps|coordinates|geo|lat|lon|lng|patient address|shipping address|addr1|addr2|address1|address2|geocode|\
         current address|permanent address|work address|employer address|hometown|home town|suburb|parish|borough|\
         lives in|lives at|resides at|resident of|residing at|domicile|strasse|ciudad|ville|lat long|latlng|lat lng|\
         address street|address city|address county|district|street name|street number|house number",
    ),
    (Address, Perhaps, "address|addr|location|line|lines|place|home"),
    (
        Zip,
        Surely,
        "zip|zip code|zipcode|postal code|postalcode|postcode|post code|plz|pin code|zip 4|zip5|postal|address zip|zip plus 4",
    ),
    (
        Id,
        Surely,
        "encounter|encounter id|encounter number|visit number|visit id|visit no|case number|case no|case id|claim|claim id|\
         claim number|claim no|accession|accession number|accession no|specimen|specimen id|specimen number|\
         prescription number|rx number|rx|rx no|prescription id|prescription|order number|appointment id|\
         appointment number|employee id|employee number|badge|badge number|badge id|badge no|student id|customer id|\
         customer number|person id|provider id|provider number|resident id|confirmation number|confirmation code|\
         reference number|study id|study uid|trial id|participant id|subject number|study number|csn|har|fin|\
         enrollment id|enrollment number|user id|patient visit|referral number|referral id|authorization number|\
         auth number|prior authorization|prior auth|authorisation number|donor id|sample id|study instance uid|wristband|\
         wristband id|household id|family id|social worker id|caseworker id|research id|identifier|identification number|\
         id number|unique id|unique identifier|barcode|bar code|tracking number|episode id|episode number|invoice number|\
         staff id|clinician id|practitioner id|external id|legacy id|record id|access code|lab number|lab id|order id|\
         referral|donor number|locker|contract number|kit number|kit id|registration id|registry id|registry number",
    ),
    (
        Secret,
        Surely,
        "password|passwd|pwd|passphrase|pass phrase|passcode|secret|client secret|api key|apikey|api secret|api token|\
         access key|access key id|secret key|secret access key|private key|access token|refresh token|id token|auth token|\
         bearer|session token|session key|csrf|csrf token|xsrf token|xsrf|encryption key|signing key|master key|\
         connection string|conn string|connectionstring|credential|credentials|otp|totp|one time code|verification code|\
         cookie|set cookie|jsessionid|phpsessid|connect sid|authorization|proxy authorization|x api key|\
         x auth token|webhook secret|webhook url|signature|sig|jwt|app secret|consumer secret|shared secret|oauth token|\
         account key|storage key|sas token|shared access signature|shared access key|db password|pgpassword|\
         security answer|mfa code|two factor code|2fa code|recovery code|recovery key|seed phrase|mnemonic|dsn|\
         service key|license key|auth key|hmac|hmac key|salt|pepper|pin|pin number|portal pin|token secret|bot token|\
         private token|personal access token|deploy token|vault token|root token|access secret|pass",
    ),
    (Secret, Likely, "token|auth|session id|sessionid|session|sid|sas|key"),
];

/// With one of these as its last word a key tells about the value, and not the value.
const ABOUT: &str = "type types status state count counts length len size format valid verified enabled required exists missing \
    flag version level rate limit ms seconds secs ttl timeout pattern regex mask label column columns field fields table \
    index system use unit units category kind validation validator error errors exception service servlet controller \
    handler manager factory repository helper util utils count total reader writer parser cache queue topic job \
    worker thread threads pool bytes kb mb percent ratio score expiry expires expiration hint policy method mode algorithm";

/// With one of these somewhere a name is the name of a thing.
const THINGS: &str = "file files host hostname domain server service app application class table column field method event queue topic \
    bucket db database schema index node pod container namespace path dir directory type group job task thread log logger \
    module package product drug medication med test lab facility hospital org organization organisation company \
    department dept unit ward room payer plan carrier procedure count length size code hash version format flag valid \
    enabled required exists missing error level rate limit ms seconds ttl resource cluster region zone stage metric check \
    device process program command user agent role policy rule action operation function key config parameter variable \
    image tag branch repo project workflow step script model brand vendor manufacturer clinic pharmacy insurance insurer \
    bank employer school building floor protocol interface driver kernel volume disk partition stream channel tenant";

/// Before one of these `pass` is what a check does, or one of several readings: "did not pass: records-db", "second pass: 41".
const PASSES: &str = "not never t to did does do must should shall will would can cannot could may might they it all both none these \
    those which that who checks check tests test steps step probes probe services service first second third last next each \
    every final";

struct Table {
    phrases: HashMap<&'static str, Named>,
    words: HashMap<&'static str, ()>,
    about: HashMap<&'static str, ()>,
    things: HashMap<&'static str, ()>,
}

static KEYS: LazyLock<Table> = LazyLock::new(|| {
    let mut table =
        Table { phrases: HashMap::new(), words: HashMap::new(), about: HashMap::new(), things: HashMap::new() };
    for (class, says, phrases) in TABLE {
        for phrase in phrases.split('|').map(str::trim) {
            // What comes first in the table is the more certain.
            table.phrases.entry(phrase).or_insert((*class, *says));
            table.words.extend(phrase.split(' ').filter(|word| word.len() > 2).map(|word| (word, ())));
        }
    }
    table
        .words
        .extend("home work number code emergency primary date time id member cell".split(' ').map(|word| (word, ())));
    table.about.extend(ABOUT.split_whitespace().map(|word| (word, ())));
    table.things.extend(THINGS.split_whitespace().map(|word| (word, ())));
    table
});

/// Words that may stand behind what names the value.
const TAILS: [&str; 28] = [
    "number",
    "no",
    "num",
    "nbr",
    "nr",
    "id",
    "ids",
    "code",
    "value",
    "text",
    "string",
    "str",
    "raw",
    "plain",
    "1",
    "2",
    "3",
    "list",
    "primary",
    "secondary",
    "home",
    "work",
    "mobile",
    "is",
    "was",
    "dt",
    "ref",
    "line",
];

/// Keys that are remembered: a program uses few.
const REMEMBERED: usize = 4096;

thread_local! {
    static MEMORY: RefCell<HashMap<Box<str>, Option<Named>>> = RefCell::new(HashMap::new());
}

/// What a key names, if it is known.
pub(super) fn named(key: &str) -> Option<Named> {
    // Names of machines come before colons as well, each another: they are neither read nor remembered.
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    if key.len() > 96 || digits > 2 && digits * 3 > key.len() {
        return None;
    }
    MEMORY.with_borrow_mut(|memory| {
        if let Some(known) = memory.get(key) {
            return *known;
        }
        let words = words(key);
        let named = of_words(&words.iter().map(String::as_str).collect::<Vec<_>>());
        if memory.len() == REMEMBERED {
            memory.clear();
        }
        memory.insert(key.into(), named);
        named
    })
}

/// Whether `pass` behind these words is what something does, and no password.
pub(super) fn is_verb(before: &[&str]) -> bool {
    before.last().is_some_and(|word| PASSES.split_whitespace().any(|known| known == *word))
}

/// What words in a row name: the longest row of the table that they end with, or else the last that they hold.
pub(super) fn of_words(words: &[&str]) -> Option<Named> {
    let table = &*KEYS;
    let last = words.last()?;
    if table.about.contains_key(last) {
        return None;
    }
    let mut end = words.len();
    while end > 0 {
        if let Some(found) = ending(table, &words[..end], words) {
            return Some(found);
        }
        let tail = words[end - 1];
        if !TAILS.contains(&tail) || table.about.contains_key(tail) {
            return None;
        }
        end -= 1;
    }
    None
}

/// The longest row of the table that words end with.
fn ending(table: &Table, words: &[&str], all: &[&str]) -> Option<Named> {
    for start in words.len().saturating_sub(5)..words.len() {
        let phrase = words[start..].join(" ");
        let Some((class, says)) = table.phrases.get(phrase.as_str()).copied() else { continue };
        let thing = |word: &&str| table.things.contains_key(*word) && !phrase.split(' ').any(|own| own == *word);
        if class == Name && says <= Likely && all.iter().any(thing) {
            return None;
        }
        if class == Ip
            && phrase.len() < 7
            && all.iter().any(|word| ["server", "host", "node", "pod", "cluster"].contains(word))
        {
            return None;
        }
        if phrase == "pass" && is_verb(&words[..start]) {
            return None;
        }
        if class == Address && says == Perhaps {
            let machine = [
                "ip", "mac", "host", "server", "memory", "bind", "listen", "virtual", "base", "remote", "local",
                "peer", "mail", "email", "url",
            ];
            if all.iter().any(|word| machine.contains(word)) {
                return None;
            }
        }
        return Some((class, says));
    }
    None
}

/// The words of a key, small: cut at what is no letter, at changes of case, and where several known words stand together.
pub(super) fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = key.chars().collect();
    for (place, c) in letters.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = place.checked_sub(1).map(|place| letters[place]);
        let after = letters.get(place + 1);
        let hump = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        let number = c.is_ascii_digit() && before.is_some_and(char::is_lowercase);
        if (hump || number) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.extend(c.to_lowercase());
    }
    words.extend((!word.is_empty()).then_some(word));
    let table = &*KEYS;
    let known = |word: &str| {
        table.phrases.contains_key(word) || table.words.contains_key(word) || table.things.contains_key(word)
    };
    words
        .into_iter()
        .flat_map(|word| if word.len() < 6 || known(&word) { vec![word] } else { cut(word, table) })
        .collect()
}

/// The known words that a word is made of, or the word.
fn cut(word: String, table: &Table) -> Vec<String> {
    if !word.is_ascii() || word.len() > 40 {
        return vec![word];
    }
    // The fewest known words up to each place.
    let mut best: Vec<Option<(usize, usize)>> = vec![None; word.len() + 1];
    best[0] = Some((0, 0));
    for end in 2..=word.len() {
        for start in 0..end - 1 {
            let Some((parts, _)) = best[start] else { continue };
            let part = &word[start..end];
            let fits = table.words.contains_key(part) || (part == "id" || part == "no") && end == word.len();
            if fits && best[end].is_none_or(|(known, _)| parts + 1 < known) {
                best[end] = Some((parts + 1, start));
            }
        }
    }
    let mut parts = Vec::new();
    let mut end = word.len();
    while end > 0 {
        let Some((_, start)) = best[end] else { return vec![word] };
        parts.push(word[start..end].to_owned());
        end = start;
    }
    parts.reverse();
    parts
}
