# docker build -t penstock . && docker run --rm -v "$PWD:/work" penstock fetch urls.txt -o out.jsonl
# The folder that is mounted must be writable by the user 65532, or add --user "$(id -u):$(id -g)".
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /penstock ./cmd/penstock

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /penstock /usr/bin/penstock
COPY LICENSE /usr/share/doc/penstock/copyright
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/bin/penstock"]
