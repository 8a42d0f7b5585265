// Command go measures the transformers of k8s.io/apiserver, the original of the stored values: the whole path of
// a loaded EncryptionConfiguration, both levels of prefixes included, one goroutine, one operation at a time.
//
// It prints a JSON object with the versions and rows of provider, op, size, impl and median_ns. The KMS plugin is a
// stub in the same process, so that no operation leaves it; metrics are off, which flatters the original.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	_ "atrest.invalid/benches/go/quiet"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/kms/pkg/service"
)

var sizes = []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 1 << 20}

var aad = value.DefaultContext("/registry/secrets/default/login1")

// sink keeps results alive, so that no call is optimised away.
var sink []byte

type row struct {
	Provider string  `json:"provider"`
	Op       string  `json:"op"`
	Size     int     `json:"size"`
	Impl     string  `json:"impl"`
	MedianNs float64 `json:"median_ns"`
}

type report struct {
	Versions map[string]string `json:"versions"`
	Rows     []row             `json:"rows"`
}

func main() {
	quick := flag.Bool("quick", false, "fewer samples")
	flag.Parse()
	// The apiserver itself has a collector that runs beside it; a thread of its own would hide its cost here.
	runtime.GOMAXPROCS(1)
	if err := run(newSampler(*quick)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(sampler sampler) error {
	encryptionconfig.EnvelopeKMSv2ServiceFactory = func(context.Context, string, string, time.Duration) (service.Service, error) {
		return stub{}, nil
	}
	folder, err := os.MkdirTemp("", "atrest-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)

	var rows []row
	for _, provider := range []string{"aescbc", "aesgcm", "secretbox", "kms_v2"} {
		transformer, err := load(folder, provider)
		if err != nil {
			return fmt.Errorf("%s: %w", provider, err)
		}
		for _, size := range sizes {
			measured, err := measure(sampler, transformer, provider, size)
			if err != nil {
				return fmt.Errorf("%s: %w", provider, err)
			}
			rows = append(rows, measured...)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(report{Versions: versions(), Rows: rows})
}

// load writes a configuration with one provider and loads it as the apiserver does.
func load(folder, provider string) (value.Transformer, error) {
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	entry := fmt.Sprintf("- %s: {keys: [{name: key1, secret: %s}]}", provider, key)
	if provider == "kms_v2" {
		entry = "- kms: {apiVersion: v2, name: vault, endpoint: \"unix:///stub.sock\"}"
	}
	text := "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\n" +
		"resources:\n- resources: [secrets]\n  providers:\n  " + entry + "\n"
	path := filepath.Join(folder, provider+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	config, err := encryptionconfig.LoadEncryptionConfig(context.Background(), path, false, "bench")
	if err != nil {
		return nil, err
	}
	// A health check is what has the plugin asked for its key and a seed made.
	for _, check := range config.HealthChecks {
		request, err := http.NewRequest(http.MethodGet, "/healthz", nil)
		if err != nil {
			return nil, err
		}
		if err := check.Check(request); err != nil {
			return nil, err
		}
	}
	transformer := config.Transformers[schema.GroupResource{Resource: "secrets"}]
	if transformer == nil {
		return nil, fmt.Errorf("no transformer for secrets")
	}
	return transformer, nil
}

func measure(sampler sampler, transformer value.Transformer, provider string, size int) ([]row, error) {
	ctx := context.Background()
	plaintext := make([]byte, size)
	for i := range plaintext {
		plaintext[i] = 0x5a
	}
	var stored [2][]byte
	for i := range stored {
		sealed, err := transformer.TransformToStorage(ctx, plaintext, aad)
		if err != nil {
			return nil, err
		}
		stored[i] = sealed
	}
	var failed error
	open := func(stored []byte) {
		out, _, err := transformer.TransformFromStorage(ctx, stored, aad)
		sink = out
		if err != nil {
			failed = err
		}
	}
	cases := []struct {
		op  string
		run func(int)
	}{
		{"seal", func(int) {
			out, err := transformer.TransformToStorage(ctx, plaintext, aad)
			sink = out
			if err != nil {
				failed = err
			}
		}},
		{"open", func(int) { open(stored[0]) }},
	}
	if provider == "kms_v2" {
		// Go keeps the last derived key of each object: one value over and over hits, two by turns miss.
		cases[1].op = "open-cached"
		cases = append(cases, struct {
			op  string
			run func(int)
		}{"open", func(i int) { open(stored[i&1]) }})
	}
	var rows []row
	for _, c := range cases {
		rows = append(rows, row{provider, c.op, size, "go", sampler.median(c.run)})
	}
	return rows, failed
}

func versions() map[string]string {
	versions := map[string]string{"go": runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "k8s.io/apiserver" {
				versions[dep.Path] = dep.Version
			}
		}
	}
	return versions
}

// stub is a KMS whose answers cost nothing: it wraps by a fixed mask.
type stub struct{}

const keyID = "1"

func masked(data []byte) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[i] = b ^ 0xa5
	}
	return out
}

func (stub) Encrypt(_ context.Context, _ string, data []byte) (*service.EncryptResponse, error) {
	return &service.EncryptResponse{Ciphertext: masked(data), KeyID: keyID}, nil
}

func (stub) Decrypt(_ context.Context, _ string, request *service.DecryptRequest) ([]byte, error) {
	return masked(request.Ciphertext), nil
}

func (stub) Status(context.Context) (*service.StatusResponse, error) {
	return &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: keyID}, nil
}
