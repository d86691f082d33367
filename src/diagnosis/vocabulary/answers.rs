//! What a program says of what another one has answered, or of why it was refused. What it does not understand: Jackson, JAXB, Gson, pydantic, marshmallow, zod, ajv,
//! encoding/json, protobuf, System.Text.Json, Newtonsoft, serde, Avro, `GraphQL`, HL7 and FHIR.

/// In small letters; a word with `*` is in parts. They accuse whoever has answered, not who says so.
#[rustfmt::skip]
pub(in crate::diagnosis) const NOT_UNDERSTOOD: &[&str] = &[
    "mismatchedinputexception", "unrecognizedpropertyexception", "unrecognized field", "invalidformatexception", "cannot deserialize", "json parse error", "jsonparseexception", "jsonmappingexception", "jsonsyntaxexception", "jsonprocessingexception", "jsoneofexception", "invalidnullexception", "missing required creator property", "httpmessagenotreadable", "could not extract response", "error while extracting response", "no suitable httpmessageconverter", "unmarshalexception", "unexpected element (uri", "saxparseexception", "decodeexception", "codec.decodingexception", "decodingexception", "expected begin_object but was", "expected begin_array but was", "expected a string but was", "expected an int but was",
    "jsondecodeerror", "expecting value: line", "extra data: line 1", "validation error for", "validation errors for", "field required", "extra inputs are not permitted", "input should be", "value is not a valid", "responsevalidationerror", "marshmallow", "jsonschema.exceptions", "is a required property", "is not of type", "additional properties are not allowed", "unknown field",
    "unexpected token * in json", "is not valid json", "unexpected end of json input", "zoderror", "invalid_type", "expected * received undefined", "expected * received null", "must have required property", "must not have additional properties", "invalid json response body", "unexpected token < in",
    "json: cannot unmarshal", "json: unknown field", "invalid character '*' looking for beginning of value", "invalid character '*' after", "cannot unmarshal", "parsing time \"", "proto: cannot parse", "invalid wire-format", "invalid wire type", "proto: wrong wiretype", "unexpected wire type", "xml: ", "expected element type <",
    "system.text.json.jsonexception", "the json value could not be converted", "jsonserializationexception", "jsonreaderexception", "could not find member", "error converting value", "was missing required properties", "required property '*' not found in json", "protocolbuffers.invalidprotocolbuffer", "invalidprotocolbufferexception", "protocol message contained an invalid tag", "is an invalid start of a value",
    "json::parsererror", "unexpected token at", "key not found: :", "key not found: \"", "dry::struct::error", "dry::types", "is missing in hash input", "json_decode", "syntax error, malformed json", "missing field `", "unknown variant `", "invalid type: ", "error decoding response body", "avrotypeexception", "avroruntimeexception", "schemaregistry", "serializationexception: error deserializing", "error deserializing", "recorddeserializationexception", "cannot query field", "graphql*validation",
    "hl7exception", "dataformatexception", "fhirformaterror", "unknown resource type", "required segment", "required field missing",
    "unexpected content type", "unexpected content-type", "unsupported content-type", "unsupported media type", "unsupportedmediatype", "attempt to decode json with unexpected mimetype", "schema validation failed", "does not match schema", "does not match the schema", "doesn't match schema", "schema mismatch", "incompatible schema", "violates the contract", "contract violation", "unknown enum value", "no enum constant", "unexpected response", "unexpected format", "malformed response", "malformed answer", "malformed json", "invalid response format", "invalid response from", "could not parse response", "cannot parse response", "failed to parse response", "unable to parse response", "error parsing response", "cannot parse answer", "failed to decode", "could not decode", "cannot decode", "unable to decode", "decoding error", "decode error", "failed to deserialize", "could not deserialize", "deserialization failed", "deserialization error", "failed to unmarshal", "unmarshal error", "unmarshalling", "missing property", "missing required field", "no value found for", "has no attribute", "does not have property", "unknown method", "method not found", "unknown service", "is unimplemented", "code = unimplemented", "status_code.unimplemented", "http 405", "405 method not allowed", "status code 405", "http 406", "http 410", "410 gone", "http 415", "http 422", "422 unprocessable", "status code 422", "unprocessable entity", "status code 400", "400 bad request", "api version", "version is not supported", "unsupported version", "no longer supported",
];

/// What a program says when somebody else has refused the certificate that it shows itself: an alert that came in.
pub(in crate::diagnosis) const REFUSED_BY_OTHERS: &[&str] = &[
    "tlsv1 alert",
    "tlsv13 alert",
    "sslv3 alert",
    "ssl alert number",
    "remote error: tls",
    "received fatal alert",
    "received alert",
    "alert certificate",
    "alert unknown ca",
    "peer sent alert",
    "no required ssl certificate",
];

/// What says that too many wrong secrets have locked an account: it is locked where the account is kept, whoever is refused.
pub(in crate::diagnosis) const LOCKED_OUT: [&str; 35] = [
    "account is locked",
    "account locked",
    "account_locked",
    "account has been locked",
    "account was locked",
    "accounts are locked",
    "account_has_been_locked",
    "account is disabled",
    "account*temporarily disabled",
    "user*temporarily disabled",
    "user_temporarily_disabled",
    "user_disabled_by_temporary",
    "locked out",
    "locking out",
    "lockout",
    "lockedexception",
    "locked after*wrong",
    "locked after*fail",
    "locked after*attempt",
    "locked due to*fail",
    "wrong secret*locked",
    "wrong password*locked",
    "invalid password*locked",
    "failed login*locked",
    "failed attempts*locked",
    "too many failed login",
    "too many failed attempts",
    "too many login attempts",
    "too many authentication failures",
    "maximum authentication attempts",
    "consecutive login failures",
    "pam_faillock",
    "brute force",
    "ora-28000",
    "aadsts50053",
];

/// What says that something answers, and that what it answers is wrong.
pub(in crate::diagnosis) const WRONG_ANSWERS: [&str; 18] = [
    "it answered*which lacks",
    "it answered*which holds no number",
    "wrong answer",
    "gives a wrong",
    "gave a wrong",
    "incorrect answer",
    "wrong prediction",
    "unexpected prediction",
    "golden*mismatch",
    "golden*failed",
    "prediction drift",
    "model drift",
    "data drift",
    "accuracy*below",
    "accuracy dropped",
    "nan in logits",
    "nan logits",
    "degenerate output",
];
