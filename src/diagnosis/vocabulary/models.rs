//! Clouds, payment and other providers, and those who serve language models: AWS, Google, Azure throttling and quotas, vLLM, TGI, Ollama,
//! Triton, llama.cpp.

use super::{
    C,
    Place::{Aside, Log},
    Sign, sign,
};

#[rustfmt::skip]
pub(super) const WORDS: &[Sign] = &[
    sign(C::RateLimit, Log, 0.8, &["throttlingexception", "throttledexception", "requestthrottled", "provisionedthroughputexceeded", "toomanyrequestsexception", "requestlimitexceeded", "bandwidthlimitexceeded", "limitexceededexception", "rate exceeded", "ratelimitexceeded", "userratelimitexceeded", "quotaexceeded", "quota exceeded for", "quota metric", "resource_exhausted", "resourceexhausted", "dailylimitexceeded", "service quota", "servicequotaexceeded", "subscription*throttled", "request rate is large", "request rate is too large", "too many requests", "rate_limit_exceeded", "rate limit reached for", "insufficient_quota", "exceeded your current quota", "tokens per min", "requests per min", "rate_limit_error", "overloaded_error", "rate limit exceeded", "ratelimiterror", "api rate limit exceeded", "secondary rate limit", "x-ratelimit-remaining: 0", "toomanyrequests: you have reached your pull rate limit", "concurrent*limit exceeded", "monthly limit"]),
    sign(C::OutOfMemory, Log, 0.85, &["cuda out of memory", "cuda error: out of memory", "cuda_error_out_of_memory", "outofmemoryerror: cuda", "hip out of memory", "not enough memory for kv cache", "no available memory for the cache blocks", "failed to allocate kv cache", "kv cache*too small", "larger than the maximum number of tokens that can be stored in kv cache", "ggml_cuda*out of memory", "ggml_backend_cuda_buffer_type_alloc_buffer", "model requires more system memory", "cudamalloc failed", "cublas_status_alloc_failed", "nvml*insufficient", "failed to allocate*gpu", "gpu memory*exhausted"]),
    sign(C::PoolExhausted, Log, 0.7, &["model is overloaded", "server busy, please try again.  maximum pending requests exceeded", "maximum pending requests exceeded", "exceeds maximum queue size", "queue is full", "no slot available", "all slots are busy", "waiting queue*full"]),
    sign(C::QueueBacklog, Aside, 0.6, &["waiting: * reqs, gpu kv cache usage: 9", "waiting: * reqs, gpu kv cache usage: 100", "is preempted by preemptionmode", "sequence group*preempted"]),
    sign(C::ProcessExit, Log, 0.65, &["enginedeaderror", "engine core died", "engine core initialization failed", "asyncenginedeaderror", "background loop has errored", "llama runner process has terminated", "llama runner process no longer running", "shard * terminated", "shardcannotstart", "xid 79", "has fallen off the bus", "nvrm: xid", "uncorrectable ecc error encountered", "device-side assert"]),
    // The provider's fault, by the provider's words
    sign(C::ExternalDependency, Log, 0.6, &["serviceunavailable*provider", "provider*unavailable", "provider*timed out", "provider*timeout", "provider*did not answer", "provider*not respond", "partner*timed out", "partner*timeout", "partner*unavailable", "partner*not respond", "partner*did not answer", "third party*unavailable", "third-party*timed out", "vendor*timed out", "vendor*unavailable", "external*service*unavailable", "external*timed out", "remote api*timed out", "issuer_not_available", "gateway*declined"]),
];
