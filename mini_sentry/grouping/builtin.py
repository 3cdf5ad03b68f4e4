"""The rules that hold in every project, in the words of `rules.py`. A project's own rules come after and may overrule.

Browser SDKs mark every frame in app, so these lists are what makes their stacks usable. Changing them changes hashes:
give the changed list to a new configuration in `configs.py`.
"""

STACK_RULES = r"""
# Whatever the language: what a machine brings along, what a project copies in
path:/usr/lib/** -app
path:/usr/local/lib/** -app
path:/opt/homebrew/** -app
path:vendor/** -app
path:newrelic/** -app -group
path:**/opentelemetry/instrumentation/** -app -group
path:@opentelemetry/** -app -group
module:io.opentelemetry.** -app -group
module:com.newrelic.** -app -group

# JavaScript
family:javascript path:node_modules/** -app
family:javascript path:unpkg.com/** -app
family:javascript path:*.unpkg.com/** -app
family:javascript path:cdnjs.cloudflare.com/** -app
family:javascript path:cdn.jsdelivr.net/** -app
family:javascript path:esm.run/** -app
family:javascript path:esm.sh/** -app
family:javascript path:/node:** -app
family:javascript path:/internal/** -app
family:javascript path:webpack/bootstrap** -app
family:javascript path:webpack/runtime/** -app
family:javascript path:/chrome-extension:** -app
family:javascript path:/moz-extension:** -app
family:javascript path:/safari-extension:** -app
family:javascript path:/safari-web-extension:** -app
family:javascript path:/edge-extension:** -app
family:javascript path:@babel/** -app -group
family:javascript path:core-js/** -app -group
family:javascript path:regenerator-runtime/** -app -group
family:javascript path:tslib/** -app -group
family:javascript path:zone.js/** -app -group
family:javascript path:zone.js -app -group
family:javascript path:*logrocket* -app -group
family:javascript path:@sentry/** -app -group
family:javascript path:@sentry-internal/** -app -group
family:javascript path:sentry-javascript/** -app -group
family:javascript function:sentryWrapped -app -group
family:javascript function:_sentryWrapped -app -group
family:javascript function:processTicksAndRejections -app -group
family:javascript function:runMicrotasks -app -group
family:javascript function:nextTick -app -group
family:javascript function:listOnTimeout -app -group
family:javascript function:process._tickCallback -app -group

# Python
family:python path:site-packages/** -app
family:python path:dist-packages/** -app
family:python path:lib/python?.?/** -app
family:python path:lib/python?.??/** -app
family:python path:"<frozen importlib._bootstrap*" -app
family:python module:importlib._bootstrap* -app
family:python path:sentry_sdk/** -app -group
family:python module:sentry_sdk.** -app -group

# Go and Rust
family:go path:go/pkg/mod/** -app
family:go path:/usr/local/go/** -app
family:go path:/usr/lib/go*/** -app
family:go path:libexec/src/** -app
family:go module:runtime -app
family:go module:runtime/** -app
family:go module:net/http -app
family:go module:github.com/getsentry/sentry-go** -app -group
family:go module:runtime function:gopanic ^-app ^-group
family:go function:runtime.gopanic ^-app ^-group
family:native,rust path:.cargo/** -app
family:native,rust path:/rustc/** -app
family:native,rust function:std::* -app
family:native,rust function:core::* -app
family:native,rust function:alloc::* -app
family:native,rust function:"<alloc::*" -app
family:native,rust function:"<core::*" -app
family:native,rust function:std::panicking::* ^-app ^-group
family:native,rust function:core::panicking::* ^-app ^-group
family:native,rust function:std::sys*::backtrace::__rust_* -app -group
family:native,rust function:sentry_panic::* -app -group

# Java and Kotlin
family:java module:java.** -app
family:java module:javax.** -app
family:java module:jakarta.** -app
family:java module:sun.** -app
family:java module:com.sun.** -app
family:java module:jdk.** -app
family:java module:kotlin.** -app
family:java module:kotlinx.** -app
family:java module:scala.** -app
family:java module:akka.** -app
family:java module:io.netty.** -app
family:java module:org.springframework.** -app
family:java module:org.apache.** -app
family:java module:org.hibernate.** -app
family:java module:android.** -app
family:java module:androidx.** -app
family:java module:com.android.** -app
family:java module:dalvik.** -app
family:java module:io.sentry.** -app -group

# PHP and Ruby
family:php path:vendor/** -app
family:ruby path:gems/** -app
family:ruby path:lib/ruby/** -app
family:ruby path:/usr/local/ruby/** -app

# .NET and Dart
family:dotnet module:System -app
family:dotnet module:System.** -app
family:dotnet module:Microsoft.** -app
family:dotnet package:System.** -app
family:dotnet package:Microsoft.** -app
family:dotnet module:Sentry.** -app -group
family:dart path:/dart:** -app
family:dart path:/package:flutter/** -app
family:dart path:/package:sentry** -app -group

# Native code: system libraries, thread starts, throw and abort handlers, allocators, signal trampolines
family:native package:/usr/lib/** -app
family:native package:/lib/** -app
family:native package:/lib64/** -app
family:native package:/System/Library/** -app
family:native package:/system/** -app
family:native package:/apex/** -app
family:native package:?:/windows/** -app
family:native package:linux-gate.so* -app
family:native package:linux-vdso.so* -app
family:native function:_pthread_start -app -group
family:native function:start_thread -app -group
family:native function:thread_start -app -group
family:native function:start_wqthread -app -group
family:native function:_pthread_wqthread -app -group
family:native function:clone -app -group
family:native function:clone3 -app -group
family:native function:__clone -app -group
family:native function:__start_thread -app -group
family:native function:_start -app -group
family:native function:__libc_start_main* -app -group
family:native function:__libc_start_call_main -app -group
family:native function:BaseThreadInitThunk -app -group
family:native function:RtlUserThreadStart -app -group
family:native function:_dispatch_worker_thread* -app -group
family:native function:_NSThread__start__ -app -group
family:native function:abort ^-app ^-group
family:native function:raise ^-app ^-group
family:native function:gsignal ^-app ^-group
family:native function:pthread_kill ^-app ^-group
family:native function:__pthread_kill ^-app ^-group
family:native function:__assert_fail ^-app ^-group
family:native function:__assert_rtn ^-app ^-group
family:native function:std::terminate* ^-app ^-group
family:native function:std::__terminate* ^-app ^-group
family:native function:__cxa_throw ^-app ^-group
family:native function:__cxa_rethrow ^-app ^-group
family:native function:_CxxThrowException ^-app ^-group
family:native function:objc_exception_throw ^-app ^-group
family:native function:malloc -app -group
family:native function:calloc -app -group
family:native function:realloc -app -group
family:native function:free -app -group
family:native function:_int_malloc -app -group
family:native function:_int_free -app -group
family:native function:malloc_* -app -group
family:native function:free_* -app -group
family:native function:szone_* -app -group
family:native function:_sigtramp -app -group
family:native function:__restore_rt -app -group
family:native function:KiUserExceptionDispatch* -app -group
"""

# Kept apart from what a project writes: a fingerprint that the client sets is stronger than these.
FINGERPRINT_RULES = r"""
family:javascript error.type:ChunkLoadError -> chunk-load-error title="ChunkLoadError"
family:javascript error.value:"Loading chunk * failed*" -> chunk-load-error title="ChunkLoadError"
family:javascript error.value:"Loading CSS chunk * failed*" -> chunk-load-error title="ChunkLoadError"
family:javascript error.value:"*Failed to fetch dynamically imported module*" -> chunk-load-error title="ChunkLoadError"
family:javascript error.value:"*error loading dynamically imported module*" -> chunk-load-error title="ChunkLoadError"
family:javascript error.value:"*Importing a module script failed*" -> chunk-load-error title="ChunkLoadError"
family:javascript error.value:"Hydration failed because *" -> hydration-error title="Hydration error"
family:javascript error.value:"Text content does not match server-rendered HTML*" -> hydration-error title="Hydration error"
family:javascript error.value:"*Minified React error #418*" -> hydration-error title="Hydration error"
family:javascript error.value:"*Minified React error #425*" -> hydration-error title="Hydration error"
"""
