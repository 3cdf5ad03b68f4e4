/** What to install and paste for each platform, with the project's own addresses filled in. */

export type Facts = { dsn: string; tokenUrl: string }

export type Platform = {
  id: string
  name: string
  /** Grammar of the paste step. */
  language: string
  install?: string
  file?: string
  paste: (facts: Facts) => string
  prove: string
  /** How to run the proof. */
  run?: string
}

const dsnIn = (dsn: string) => JSON.stringify(dsn)

export const platforms: Platform[] = [
  {
    id: 'python',
    name: 'Python',
    language: 'python',
    install: 'pip install sentry-sdk',
    paste: ({ dsn }) => `import sentry_sdk

sentry_sdk.init(
    dsn=${dsnIn(dsn)},
    release="my-app@1.0.0",
    environment="development",
)`,
    prove: '1 / 0',
  },
  {
    id: 'django',
    name: 'Django',
    language: 'python',
    install: 'pip install "sentry-sdk[django]"',
    file: 'settings.py',
    paste: ({ dsn }) => `import sentry_sdk

sentry_sdk.init(
    dsn=${dsnIn(dsn)},
    release="my-site@1.0.0",
    environment="development",
    send_default_pii=True,  # the signed-in user with each event
)`,
    prove: `from django.urls import path

def trigger_error(request):
    return 1 / 0

urlpatterns = [
    path("debug-error/", trigger_error),
]`,
    run: 'Add this to urls.py and open /debug-error/.',
  },
  {
    id: 'flask',
    name: 'Flask',
    language: 'python',
    install: 'pip install "sentry-sdk[flask]"',
    paste: ({ dsn }) => `import sentry_sdk
from flask import Flask

sentry_sdk.init(
    dsn=${dsnIn(dsn)},
    release="my-api@1.0.0",
    environment="development",
)
app = Flask(__name__)`,
    prove: `@app.route("/debug-error")
def trigger_error():
    return str(1 / 0)`,
    run: 'Open /debug-error.',
  },
  {
    id: 'fastapi',
    name: 'FastAPI',
    language: 'python',
    install: 'pip install "sentry-sdk[fastapi]"',
    paste: ({ dsn }) => `import sentry_sdk
from fastapi import FastAPI

sentry_sdk.init(
    dsn=${dsnIn(dsn)},
    release="my-api@1.0.0",
    environment="development",
)
app = FastAPI()`,
    prove: `@app.get("/debug-error")
async def trigger_error():
    return 1 / 0`,
    run: 'Open /debug-error.',
  },
  {
    id: 'node',
    name: 'Node.js',
    language: 'javascript',
    install: 'npm install @sentry/node',
    file: 'instrument.mjs',
    paste: ({ dsn }) => `import * as Sentry from "@sentry/node";

Sentry.init({
  dsn: ${dsnIn(dsn)},
  release: "my-service@1.0.0",
  environment: "development",
});`,
    prove: 'setTimeout(() => { throw new Error("First event from Node"); }, 100);',
    run: 'Start with: node --import ./instrument.mjs app.mjs',
  },
  {
    id: 'javascript',
    name: 'Browser JS',
    language: 'javascript',
    install: 'npm install @sentry/browser',
    paste: ({ dsn }) => `import * as Sentry from "@sentry/browser";

Sentry.init({
  dsn: ${dsnIn(dsn)},
  release: "my-site@1.0.0",
  environment: "development",
});`,
    prove: 'setTimeout(() => { throw new Error("First event from the browser"); }, 100);',
  },
  {
    id: 'react',
    name: 'React',
    language: 'javascript',
    install: 'npm install @sentry/react',
    file: 'main.jsx',
    paste: ({ dsn }) => `import * as Sentry from "@sentry/react";
import { createRoot } from "react-dom/client";
import App from "./App";

Sentry.init({
  dsn: ${dsnIn(dsn)},
  release: "my-shop@1.0.0",
  environment: "development",
});

createRoot(document.getElementById("root"), {
  onUncaughtError: Sentry.reactErrorHandler(),
  onCaughtError: Sentry.reactErrorHandler(),
}).render(<App />);`,
    prove: '<button onClick={() => { throw new Error("First event from React"); }}>Break</button>',
  },
  {
    id: 'go',
    name: 'Go',
    language: 'go',
    install: 'go get github.com/getsentry/sentry-go',
    file: 'main.go',
    paste: ({ dsn }) => `package main

import (
	"errors"
	"log"
	"time"

	"github.com/getsentry/sentry-go"
)

func main() {
	err := sentry.Init(sentry.ClientOptions{
		Dsn:         ${dsnIn(dsn)},
		Release:     "my-service@1.0.0",
		Environment: "development",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sentry.Flush(2 * time.Second)

	sentry.CaptureException(errors.New("first event from Go"))
}`,
    prove: 'go run .',
  },
  {
    id: 'java',
    name: 'Java',
    language: 'java',
    install: `<dependency>
  <groupId>io.sentry</groupId>
  <artifactId>sentry</artifactId>
  <version>8.20.0</version>
</dependency>`,
    paste: ({ dsn }) => `import io.sentry.Sentry;

Sentry.init(options -> {
  options.setDsn(${dsnIn(dsn)});
  options.setRelease("my-service@1.0.0");
  options.setEnvironment("development");
});`,
    prove: 'Sentry.captureException(new IllegalStateException("First event from Java"));',
  },
  {
    id: 'php',
    name: 'PHP',
    language: 'php',
    install: 'composer require sentry/sentry',
    paste: ({ dsn }) => `<?php

require 'vendor/autoload.php';

\\Sentry\\init([
    'dsn' => '${dsn}',
    'release' => 'my-site@1.0.0',
    'environment' => 'development',
]);`,
    prove: "throw new \\Exception('First event from PHP');",
  },
  {
    id: 'ruby',
    name: 'Ruby',
    language: 'ruby',
    install: 'gem install sentry-ruby',
    paste: ({ dsn }) => `require "sentry-ruby"

Sentry.init do |config|
  config.dsn = ${dsnIn(dsn)}
  config.release = "my-app@1.0.0"
  config.environment = "development"
end`,
    prove: `begin
  1 / 0
rescue ZeroDivisionError => error
  Sentry.capture_exception(error)
end`,
  },
  {
    id: 'csharp',
    name: '.NET',
    language: 'csharp',
    install: 'dotnet add package Sentry',
    file: 'Program.cs',
    paste: ({ dsn }) => `using Sentry;

SentrySdk.Init(options =>
{
    options.Dsn = ${dsnIn(dsn)};
    options.Release = "my-app@1.0.0";
    options.Environment = "development";
});`,
    prove: 'throw new InvalidOperationException("First event from .NET");',
  },
  {
    id: 'curl',
    name: 'curl',
    language: '',
    paste: ({ tokenUrl }) => curl(tokenUrl),
    prove: '',
  },
]

/** One line for a shell that sends an event with nothing but the project's token. */
export function curl(tokenUrl: string): string {
  return `curl -X POST '${tokenUrl}' \\
  -H 'Content-Type: application/json' \\
  -d '{"message": "It broke in checkout", "level": "error", "release": "1.0.0", "environment": "production", "extra": {"order": 42}}'`
}

/** The same address under another origin, for a server that is reached by more than one name. */
export function underOrigin(address: string, origin: string): string {
  const url = new URL(address)
  const other = new URL(origin)
  url.protocol = other.protocol
  url.host = other.host
  if (!other.port) url.port = ''
  return url.href.replace(/\/$/, address.endsWith('/') ? '/' : '')
}
