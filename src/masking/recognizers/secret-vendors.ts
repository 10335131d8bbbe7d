/**
 * Vendors whose keys have no form of their own: what looks chosen at random and is given to a name with one of these in it is a
 * key. In lower case, without separators, parted by spaces.
 */
export const secretVendors: string =
  'ably adafruit adobe adyen airtable algolia alibaba aliyun amazon amplitude anthropic anyscale apify apollo artifactory asana assemblyai atlassian auth0 ' +
  'authress aws azure beamer bintray bitbucket bittrex braintree brevo bugsnag calendly chargebee circleci clearbit clerk clickhouse clickup cloudflare ' +
  'cloudinary codecov cohere coinbase confluence confluent contentful courier customerio databricks datadog deepgram deepl defined descope digitalocean ' +
  'discord doppler dropbox droneci dynatrace easypost elevenlabs etsy eventbrite facebook fastly figma finicity finnhub firebase flickr flutterwave flyio ' +
  'freemius freshbooks freshdesk gcp gitea github gitlab gitter gocardless grafana groq gumroad harness hashicorp helicone heroku hetzner honeycomb hubspot ' +
  'huggingface ibmcloud imgix infracost intercom intra42 iterable jenkins jfrog jira klaviyo kraken kucoin langfuse langsmith launchdarkly lemonsqueezy ' +
  'linear linkedin linode lob logdna loggly looker mailchimp mailersend mailgun mailjet mapbox mattermost maxmind meraki messagebird mistral mixpanel mollie ' +
  'mux netlify newrelic nexmo notion npm nvidia nytimes octopus okta onelogin onepassword onesignal onfido openai openrouter opsgenie pagerduty papertrail ' +
  'paypal perplexity pinecone pipedrive plaid planetscale plivo postman postmark prefect privateai prismic pulumi pusher pypi qdrant rapidapi razorpay ' +
  'readme recurly replicate resend rollbar rubygems runpod salesforce sanity scaleway scalingo segment sendbird sendgrid sendinblue sentry shippo shopify ' +
  'sidekiq sinch slack snowflake snyk sonar sonarqube sourcegraph sparkpost spotify square squarespace stabilityai storyblok stripe stytch sumo sumologic ' +
  'supabase tavily teams telegram tiktok together travis trello turso twilio twitch twitter typeform upstash uploadcare vault vercel voyageai vonage vultr ' +
  'wakatime wandb weaviate weights workos xray yandex zapier zendesk zoho zoom contribsys'
