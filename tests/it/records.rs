//! Records such as hospitals' programs write them, made up from a seed: formats in which identifiers are planted, and where each
//! of them stands. The formats are in two halves: the rules were written beside the first, the second was only measured.

/// What a planted value is, for the two promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Under a key, in a segment, behind a word for it, or of a shape of its own.
    Keyed,
    /// A name in running text.
    Name,
}

/// A record and what was planted in it: kind, field, and the bytes from where to where.
#[derive(Debug, Clone)]
pub struct Record {
    pub text: String,
    pub planted: Vec<(Kind, &'static str, usize, usize)>,
}

/// A generator of numbers: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Debug, Clone)]
pub struct Seed(pub u64);

impl Seed {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub fn signs(&mut self, alphabet: &str, count: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..count).map(|_| letters[self.below(letters.len())]).collect()
    }

    fn digits(&mut self, count: usize) -> String {
        let first = self.signs("123456789", 1);
        first + &self.signs("0123456789", count - 1)
    }
}

const GIVEN: &[&str] = &[
    "Mary",
    "James",
    "Patricia",
    "Robert",
    "Linda",
    "Kimberly",
    "Aisha",
    "Xiomara",
    "José",
    "Søren",
    "Nguyen",
    "Priya",
    "Wei",
    "Oluwaseun",
    "Björn",
    "Chiara",
    "Dmitri",
    "Fatima",
    "Grace",
    "Hope",
    "Will",
    "Mark",
    "Ivana",
    "Jean-Luc",
    "Kwame",
    "Lakshmi",
    "Mateusz",
    "Noor",
    "Olga",
    "Pedro",
    "Quentin",
    "Rajesh",
    "Siobhán",
    "Tomáš",
    "Ursula",
    "Vikram",
    "Winifred",
    "Yusuf",
    "Zoë",
    "Abigail",
    "Brandon",
    "Cheyenne",
    "Deborah",
    "Ethan",
    "Frank",
    "Guadalupe",
    "Heather",
    "Ingrid",
    "Jasmine",
    "Keisha",
    "Lorenzo",
    "Megan",
    "Nathaniel",
    "Brianna",
];
const FAMILY: &[&str] = &[
    "Smith",
    "Johnson",
    "Garcia",
    "Nguyen",
    "O'Brien",
    "McDonald",
    "Müller",
    "García-Lopez",
    "Kowalski",
    "Okonkwo",
    "Patel",
    "Kim",
    "Ivanov",
    "Yamamoto",
    "Haddad",
    "Silva",
    "Jensen",
    "Rossi",
    "Dubois",
    "Novák",
    "Baker",
    "Young",
    "Grant",
    "Chase",
    "Fitzgerald",
    "D'Angelo",
    "St. John",
    "Castellanos",
    "Whitfield",
    "Abernathy",
    "Zhang",
    "Papadopoulos",
    "Schneider",
    "Lindqvist",
    "Mbeki",
    "Ramirez",
    "Thompson",
    "Villanueva",
    "Washington",
    "Xiong",
    "Yilmaz",
    "Zimmerman",
    "Brzezinski",
    "Delacroix",
    "Eriksson",
    "Friedman",
    "Goldstein",
    "Hernandez",
    "Iyer",
    "Jankowski",
    "Lefebvre",
    "van der Berg",
    "Nakamura",
    "Osei",
    "Quigley",
];
const TOWNS: &[&str] = &[
    "Springfield",
    "Port Jessica",
    "Lake Marcus",
    "Dayton",
    "North Adams",
    "El Paso",
    "Wilmington",
    "South Kevinville",
];
const STREETS: &[&str] =
    &["Main Street", "Oak Ave", "Kevin Ridge", "Elm St.", "W. Maple Blvd", "Lincoln Drive", "Park Road", "Cedar Ln"];
const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Who a record is about.
struct Person {
    given: String,
    family: String,
}

fn invented(seed: &mut Seed) -> String {
    let syllable = |seed: &mut Seed| {
        seed.pick(&["bra", "ko", "zul", "ten", "var", "mi", "quo", "dre", "lan", "sho", "fi", "gur"]).to_owned()
    };
    let word: String = (0..2 + seed.below(2)).map(|_| syllable(seed)).collect();
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        + seed.pick(&["n", "sk", "l", "rt"])
}

fn person(seed: &mut Seed) -> Person {
    let given = if seed.below(20) == 0 { invented(seed) } else { seed.pick(GIVEN).to_owned() };
    let family = if seed.below(10) == 0 { invented(seed) } else { seed.pick(FAMILY).to_owned() };
    Person { given, family }
}

/// The value of a field in a format.
fn value(field: &str, who: &Person, seed: &mut Seed) -> String {
    let (year, month, day) = (1930 + seed.below(90), 1 + seed.below(12), 1 + seed.below(28));
    match field {
        "first" => who.given.clone(),
        "last" => who.family.clone(),
        "name" => format!("{} {}", who.given, who.family),
        "middled" => format!("{} {}. {}", who.given, seed.signs("ABCDEFGHJKLMNPRSTW", 1), who.family),
        "lastfirst" => format!("{}, {}", who.family, who.given),
        "LAST" => who.family.to_uppercase(),
        "FIRST" => who.given.to_uppercase(),
        "NAME" => format!("{} {}", who.given, who.family).to_uppercase(),
        "small" => format!("{} {}", who.given, who.family).to_lowercase(),
        "plus" => format!("{}+{}", who.given, who.family).replace(' ', "+"),
        "date" => format!("{year}-{month:02}-{day:02}"),
        "usdate" => format!("{month:02}/{day:02}/{year}"),
        "shortdate" => format!("{month}/{day}/{:02}", year % 100),
        "longdate" => format!("{} {day}, {year}", MONTHS[month - 1]),
        "daydate" => format!("{day} {} {year}", &MONTHS[month - 1][..3]),
        "plaindate" => format!("{year}{month:02}{day:02}"),
        "ssn" => format!("{:03}-{:02}-{:04}", 1 + seed.below(665), 1 + seed.below(99), 1 + seed.below(9999)),
        "ssn9" => format!("{:03}{:02}{:04}", 100 + seed.below(500), 1 + seed.below(99), 1 + seed.below(9999)),
        "mrn" => seed.pick(&["MRN", "", "H", "00"]).to_owned() + &seed.digits(7),
        "phone" => {
            let (area, exchange, line) = (201 + seed.below(700), 200 + seed.below(799), seed.below(10_000));
            match seed.below(5) {
                0 => format!("({area}) {exchange}-{line:04}"),
                1 => format!("{area}.{exchange}.{line:04}"),
                2 => format!("+1-{area}-{exchange}-{line:04}"),
                3 => format!("{area}-{exchange}-{line:04}x{}", seed.digits(3)),
                _ => format!("{area}-{exchange}-{line:04}"),
            }
        }
        "email" => format!(
            "{}.{}@{}.{}",
            seed.signs("abcdefghjk", 5),
            seed.signs("lmnopqrst", 6),
            seed.pick(&["example", "clinic", "mail"]),
            seed.pick(&["com", "org", "co.uk"])
        ),
        "ip" => format!("{}.{}.{}.{}", 11 + seed.below(110), seed.below(256), seed.below(256), 1 + seed.below(254)),
        "url" => format!("https://www.{}.com/~{}", seed.signs("abcdefgh", 8), seed.signs("ijklmn", 6)),
        "street" => format!("{} {}", 1 + seed.below(99_999), seed.pick(STREETS)),
        "town" => seed.pick(TOWNS).to_owned(),
        "zip" => seed.digits(5),
        "plan" => format!("{}{}", seed.signs("ABCDEFGHW", 3), seed.digits(9)),
        "account" => seed.digits(10),
        "licence" => format!("{}{}", seed.signs("ABCDFGHJ", 1), seed.digits(8)),
        "plate" => format!("{}-{}", seed.signs("ABCDEFGHJKLM", 3), seed.digits(4)),
        "device" => format!("SN-{}-{}", seed.signs("ABCDEFGH", 2), seed.digits(8)),
        "bio" => seed.signs("0123456789abcdef", 32),
        "photo" => format!("/media/{}.jpg", seed.signs("abcdef0123456789", 12)),
        "old" => (90 + seed.below(18)).to_string(),
        "secret" => seed.signs("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789", 14) + "x7Q",
        "jwt" => format!(
            "eyJ{}.eyJ{}.{}",
            seed.signs("abcXYZ123", 20),
            seed.signs("abcXYZ123", 30),
            seed.signs("abcXYZ123_-", 40)
        ),
        "id" => format!("{}-{}", seed.signs("ABCDEFGH", 2), seed.digits(7)),
        other => panic!("no field {other}"),
    }
}

/// Formats beside which the rules were written: keyed ones, with `{field}` where a value goes.
pub const SEEN: &[&str] = &[
    "2026-03-02 10:11:12 INFO registration saved name={small} dob={date} ssn={ssn} mrn={mrn}",
    "ts=2026-03-02T10:11:12Z level=warn msg=\"duplicate patient\" patientName=\"{name}\" birthDate={date} phone=\"{phone}\"",
    r#"{"timestamp":"2026-03-02T10:11:12Z","level":"error","patient":{"firstName":"{first}","lastName":"{last}","dob":"{date}","ssn":"{ssn}","address":{"street":"{street}","city":"{town}","zip":"{zip}"}}}"#,
    r#"2026-03-02 10:11:12 ERROR body={\"mrn\":\"{mrn}\",\"patient_name\":\"{name}\",\"email\":\"{email}\",\"member_id\":\"{plan}\"}"#,
    r#"{"resourceType":"Patient","id":"{id}","identifier":[{"system":"urn:mrn","value":"{mrn}"}],"name":[{"family":"{last}","given":["{first}"]}],"telecom":[{"system":"phone","value":"{phone}"}],"birthDate":"{date}","address":[{"line":["{street}"],"city":"{town}","postalCode":"{zip}"}]}"#,
    r"MSH|^~\&|ADT|HOSP|LAB|HOSP|20260302101112||ADT^A01|MSG1|P|2.5\rPID|1||{mrn}^^^HOSP^MR||{LAST}^{FIRST}||{plaindate}|F|||{street}^^{town}^OH^{zip}||{phone}|||||{account}|{ssn}\rNK1|1|{LAST}^{FIRST}|SPO|{street}^^{town}^OH^{zip}|{phone}",
    "PID|1|{id}|{mrn}||{LAST}^{FIRST}^Q||{plaindate}|M",
    "INSERT INTO patients (first_name, last_name, dob, ssn, phone) VALUES ('{first}', '{last}', '{date}', '{ssn}', '{phone}')",
    "slow query 812 ms: SELECT * FROM visits WHERE last_name = '{last}' AND dob = '{date}'",
    "GET /api/patients/{mrn}?name={plus}&dob={date}&ssn={ssn} 500 12ms",
    "java.lang.IllegalStateException: no chart for Patient{name='{name}', mrn={mrn}, dob={date}} at com.clinic.Chart.load(Chart.java:42)",
    "<patient><name><given>{first}</given><family>{last}</family></name><birthTime value=\"{plaindate}\"/><ssn>{ssn}</ssn></patient>",
    "Patient Name: {name}  DOB: {usdate}  MRN: {mrn}  Phone: {phone}  Fax: {phone}",
    "login from client_ip={ip} user_email={email} session cookie: sid={secret}",
    "connecting to postgres://app:{secret}@db.internal:5432/records",
    "Authorization: Bearer {jwt}",
    "upload failed photo_url={photo} fingerprint={bio} device_serial={device}",
    "claim rejected: policy number {plan}, account number {account}, driver's license {licence}, license plate {plate}",
    "age={old} patient_id={mrn} provider=\"Dr. {name}\"",
    "retry with api_key={secret} password={secret}",
    "[2026/03/02 10:11:12] admission-service: admit{last_name: {last}, first_name: {first}, date_of_birth: {usdate}, medicalRecordNumber: {mrn}}",
    "event=discharge pt_name='{name}' discharge_date={date} home_phone={phone} emergency_contact=\"{name}\"",
    r#"{"ts":1772445072,"msg":"eligibility check","subscriber":{"name":"{name}","memberId":"{plan}","dateOfBirth":"{date}"},"guarantor":{"fullName":"{lastfirst}","homePhone":"{phone}","accountNumber":"{account}"}}"#,
    r#"kafka payload: "{\"event\":\"visit\",\"data\":{\"surname\":\"{last}\",\"givenName\":\"{first}\",\"nationalId\":\"{ssn}\",\"zipCode\":\"{zip}\"}}""#,
    r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Encounter","subject":{"reference":"Patient/{id}","display":"{name}"},"period":{"start":"{date}","end":"{date}"}}}]}"#,
    r#"{"resourceType":"RelatedPerson","patient":{"reference":"Patient/{id}"},"name":[{"text":"{name}"}],"telecom":[{"system":"email","value":"{email}"},{"system":"phone","value":"{phone}"}]}"#,
    r"hl7 in: MSH|^~\&|REG|A|B|C|20260302||ADT^A04|2|P|2.3\nPID|||{mrn}^^^A^MR~{id}^^^A^PI||{last}^{first}^L||{plaindate}|F||2106-3|{street}^^{town}^TX^{zip}^USA||{phone}||||S||{account}|{ssn9}\nPV1|1|I|W^1^2||||1234^{last}^{first}^^^Dr",
    "GT1|1|{id}|{last}^{first}||{street}^^{town}^CA^{zip}|{phone}||{plaindate}|M||SEL|{ssn}\rIN1|1|PPO|77|Acme|||||||{plaindate}||||{last}^{first}|SEL|{plaindate}|{street}^^{town}^CA^{zip}|||||||||||||||||{plan}",
    "MSH#*~\\&#LAB#X#Y#Z#20260302##ORU*R01#3#P#2.4\\rPID#1##{mrn}*****MR##{LAST}*{FIRST}##{plaindate}#F",
    "UPDATE members SET email='{email}', street_address='{street}', city='{town}' WHERE member_id='{plan}'",
    "ERROR: duplicate key value violates unique constraint \"ssn_key\" DETAIL: Key (ssn, last_name)=({ssn}, {last}) already exists.",
    "insert into person (surname, given_name, birth_date, mrn) values (?, ?, ?, ?) -- params: ['{last}', '{first}', '{date}', '{mrn}']",
    "POST /portal/register?firstName={first}&lastName={last}&email={email}&mobile={phone} HTTP/1.1 201",
    "Traceback: ValueError: cannot parse record {'full_name': '{name}', 'date_of_birth': '{date}', 'social_security': '{ssn}', 'vehicle_plate': '{plate}'}",
    "<Subscriber lastName=\"{last}\" firstName=\"{first}\" policyNumber=\"{plan}\" birthDate=\"{date}\"><Phone>{phone}</Phone><PostalCode>{zip}</PostalCode></Subscriber>",
    "Name: {lastfirst} | Date of Birth: {longdate} | SSN: {ssn} | Account #: {account} | Member ID: {plan}",
    "portal session opened remote_addr={ip} x-forwarded-for: {ip} username={email}",
    "SMTP relay failed smtp_password=\"{secret}\" aws_secret_access_key={secret}",
    "curl -H 'X-Api-Key: {secret}' -H 'Cookie: session={secret}' https://api.internal/v1/orders",
    "pacemaker serial number {device} implanted, voiceprint: {bio}, avatar={photo}, website: {url}",
    "medical record number {mrn} was merged; her social security number is {ssn} and the cell is {phone}",
    "patient is {old} years old, MRN# {mrn}, admitted on {longdate} and discharged on {usdate}",
];

/// Keyed formats that were only measured.
pub const HELD: &[&str] = &[
    "[WARN] AdmitController - bed request {ptName={name}; ptDob={usdate}; mrn={mrn}; homeTel={phone}}",
    "2026-03-02T10:11:12.345Z billing[311]: invoice for acct_no={account} member_no={plan} card_holder=\"{name}\" zip_code={zip}",
    r#"{"log":"INFO registered new person","ctx":{"personDetails":{"name_first":"{first}","name_last":"{last}","birth_dt":"{date}","contact":{"cell_phone":"{phone}","email_address":"{email}"},"ssn_number":"{ssn}"}}}"#,
    r#"{"message":"request {\"demographics\":{\"familyName\":\"{last}\",\"birthday\":\"{usdate}\",\"mobilePhone\":\"{phone}\"},\"insurance\":{\"policyNumber\":\"{plan}\"}} failed"}"#,
    r#"{"resourceType":"Patient","name":[{"use":"official","family":"{last}","given":["{first}","Q"]}],"identifier":[{"type":{"text":"SSN"},"value":"{ssn}"},{"use":"usual","value":"{mrn}"}],"contact":[{"name":{"text":"{name}"},"telecom":[{"system":"phone","value":"{phone}"}]}],"deceasedDateTime":"{date}"}"#,
    r#"<Patient xmlns="http://hl7.org/fhir"><identifier><value value="{mrn}"/></identifier><name><family value="{last}"/><given value="{first}"/></name><telecom><system value="phone"/><value value="{phone}"/></telecom><birthDate value="{date}"/><address><line value="{street}"/><city value="{town}"/><postalCode value="{zip}"/></address></Patient>"#,
    r"ACK error near: MSH|^~\&|EPIC|MAIN|PACS|RAD|202603021011||ORM^O01|99|P|2.3\nPID|1|{id}|{mrn}^^^MAIN^MR||{last}^{first}^M^^Mr||{plaindate}|M|||{street}^Apt 4^{town}^NY^{zip}||{phone}^PRN^PH\nORC|NW|{id}|||||||202603021011|||5521^{last}^{first}\nOBR|1|{id}||71020^XR CHEST|||{plaindate}",
    "NK1|1|{LAST}^{FIRST}^^^^|MTH|{street}^^{town}^WA^{zip}|{phone}|||{plaindate}",
    "DEBUG SQL: select p.id from patient p where p.given_name = '{first}' and p.family_name = '{last}' and p.birth_date = '{date}' or p.home_phone like '%{phone}%'",
    "INSERT INTO `claims` (`claim_no`, `subscriber_name`, `subscriber_dob`, `group_number`) VALUES ('{id}', '{lastfirst}', '{date}', '{plan}'), ('{id}', '{name}', '{date}', '{plan}');",
    "PUT https://ehr.internal/v2/patient/{mrn}/contact?phone={phone}&email={email}&zip={zip} 409",
    "GET /search?q=x&lastName={last}&firstName={first}&birthdate={usdate} referer=- 200",
    "Caused by: javax.validation.ConstraintViolationException: Member(id=7, firstName={first}, lastName={last}, ssn={ssn}, phoneNumber={phone}) invalid",
    "panic: bad row: map[dob:{date} email:{email} mrn:{mrn} patient_name:{name}] goroutine 7",
    "Full name = {name}; Date of birth = {longdate}; Home phone = {phone}; Medicare number = {plan}; Fax = {phone}",
    "SSN {ssn} / MRN {mrn} / DOB {usdate} / Tel {phone}",
    "She gave her policy number as {plan} and her account number is {account}; license plate {plate}, passport number {licence}",
    "his date of birth is {longdate}, he lives at {street}, {town}, TX {zip} and turned {old} years old",
    "visit on {usdate}; fax results to {phone}; email {email}; SSN on file {ssn}",
    "export DB_PASSWORD='{secret}' AWS_SECRET_ACCESS_KEY={secret} && ./run --api-key={secret}",
    "http header dump: {authorization=[Bearer {jwt}], cookie=[SESSION={secret}], x-real-ip=[{ip}]}",
    "device registered udi={device} imei=35{account}123 for patient {mrn}; retina_scan={bio}; profile picture: {photo}",
];

/// Names in running text, seen and held.
pub const PROSE_SEEN: &[&str] = &[
    "Patient {name} was admitted with chest pain and seen by Dr. {last}.",
    "Spoke with {name} regarding her lab results; she will call back.",
    "{name} presented to the clinic complaining of headaches.",
    "Referred by Dr. {name}, MD for evaluation of the left knee.",
    "Mrs. {last} denies shortness of breath. Her husband {name} was present.",
    "Electronically signed by {middled}, RN",
    "Appointment for {lastfirst} was rescheduled by the nurse.",
    "PATIENT {NAME} SEEN IN CLINIC BY DR {LAST}",
    "Called patient's mother, {name}, and left a voicemail.",
    "2026-03-02 10:11:12 WARN scheduling - could not notify patient {name} of appointment",
    "Follow-up visit: {name} reports that the medication helps.",
    "The physician, {name}, ordered a biopsy for Mr. {last}.",
    "Discharge summary dictated by {name}, MD; attending physician {last}.",
    "Next of kin is {name} (daughter), who agreed to the surgery.",
    "Dear Ms. {last}, your appointment with Dr. {name} is confirmed.",
    "Voicemail left for {middled} about the referral.",
    "Nurse {first} {last} gave the vaccine to {name} today.",
    "Insurance denied the claim of {name}; {first} was informed.",
    "chart of {NAME} merged with chart of {lastfirst} after review",
    "ERROR ChartService - prescription for {name} rejected: no allergy record",
    "Patient's wife {name} called to ask about the discharge date.",
    "Reviewed with resident physician {name} and Dr. {last}; patient stable.",
    "{name} is a pleasant woman with diabetes who comes in for routine follow-up.",
    "I discussed the diagnosis with {first} and {first}'s husband at the bedside.",
    "Consult requested by {name}, NP; please page Dr. {last} with the biopsy result.",
    "Ticket 4711: customer name shown twice on the portal, reported by {name} at the front desk",
    "Attending: {middled} / Resident: {name} / patient tolerated the procedure well",
    "Transcribed for {name}, M.D. by {name} on behalf of the cardiology clinic",
    "Per {name}, daughter of the patient, the medication was stopped last week.",
    "WARN ConsentService: consent form of {lastfirst} expired, physician {last} notified",
    "Mr. {last} and his wife {first} were told about the surgery.",
    "referral letter to Dr {last} returned, patient {first} {last} unknown at this address",
    "Caregiver {name} reports that Mrs {last} fell at home; no medication given.",
    "ALLERGY NOTE: PT {NAME} SAYS SHE REACTS TO PENICILLIN",
];
pub const PROSE_HELD: &[&str] = &[
    "Lab results of {name} were forwarded to {name}, who is covering for Dr. {last}.",
    "{first} {last} arrived at the emergency room by ambulance at noon.",
    "The guardian ({name}) asked that {first} be seen by another physician.",
    "Interpreter needed for {name}; contact the clinic before the appointment.",
    "INFO reminder sent to {name} for vaccination",
    "Note by {name}, LPN: dressing changed, patient resting.",
    "Surgeon of record: {lastfirst}; anesthesia by {name}, CRNA",
    "Professor {last} reviewed the case of {first} {last} on rounds with the nurse.",
    "Prescription renewed by {middled}, NP, after a call with the pharmacy",
    "FAMILY OF {NAME} NOTIFIED BY NURSE {FIRST} {LAST}",
    "complaint filed: {name} was not told about the copay by {name}",
    "discharge medication list handed to {name}'s mother",
];

/// A record of a format.
pub fn record(text: &'static str, kind: Kind, seed: &mut Seed) -> Record {
    let mut record = Record { text: String::new(), planted: Vec::new() };
    let (who, other) = (person(seed), person(seed));
    let mut rest = text;
    let mut taken = 0;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        record.text.push_str(before);
        let field = after[1..]
            .split_once('}')
            .map(|(field, _)| field)
            .filter(|field| !field.is_empty() && field.chars().all(|c| c.is_ascii_alphanumeric()));
        let Some(field) = field else {
            record.text.push('{');
            rest = &after[1..];
            continue;
        };
        taken += usize::from(field == "name");
        let value = value(field, if taken > 1 { &other } else { &who }, seed);
        // A quote in a value is escaped as whoever writes such a record must.
        let value = if text.contains(&format!("'{{{field}}}'"))
            && text.contains("SELECT") | text.contains("INSERT") | text.contains("UPDATE")
        {
            value.replace('\'', "''")
        } else {
            value
        };
        let start = record.text.len();
        record.text.push_str(&value);
        record.planted.push((kind, field, start, record.text.len()));
        rest = &after[field.len() + 2..];
    }
    record.text.push_str(rest);
    record
}

/// So many records of each format.
pub fn records(formats: &'static [&'static str], kind: Kind, each: usize, seed: u64) -> Vec<Record> {
    let mut seed = Seed(seed);
    let mut made = Vec::new();
    for format in formats {
        made.extend((0..each).map(|_| record(format, kind, &mut seed)));
    }
    made
}
